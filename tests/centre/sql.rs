//! The centre's database, as the tests ask it.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, postgres::PgConnectOptions};

/// One value, as text.
pub fn one(url: &str, sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options: PgConnectOptions = url.parse().expect("an address");
        let mut connection = options.connect().await.expect("the server");
        let sql = format!("SELECT CAST(({sql}) AS text)");
        let found: Option<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await.expect("an answer");
        connection.close().await.expect("closed");
        found.unwrap_or_default()
    })
}
