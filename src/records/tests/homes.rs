//! One suite beside each place that records can lie in: `beside_each_home!` runs a test on the catalog of a home, and once more on a server.
//!
//! A test fills its home as the engine does, in SQLite; on the server's turn [`settle`] then moves what is there into a database of its own, and
//! [`address`] says where the records are now. The test's body is the same.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::cluster::{Cluster, pour, tables};
use crate::{
    Address, Server,
    desk::HomeDesk,
    rows::{self, Connection, SqliteOptions},
    sweep::HomeStore,
};

/// Where a test's records lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

thread_local! {
    static KIND: Cell<Kind> = const { Cell::new(Kind::Sqlite) };
    /// The databases into which this test's homes were moved.
    static MOVED: RefCell<HashMap<PathBuf, String>> = RefCell::new(HashMap::new());
}

/// Runs tests beside each home.
macro_rules! beside_each_home {
    ($($name:ident),+ $(,)?) => {
        /// In the catalog of a home.
        mod sqlite {
            $(#[test]
            fn $name() {
                $crate::tests::homes::on($crate::tests::homes::Kind::Sqlite, super::$name);
            })+
        }
        /// On a server.
        mod postgres {
            $(#[test]
            fn $name() {
                $crate::tests::homes::on($crate::tests::homes::Kind::Postgres, super::$name);
            })+
        }
    };
}
pub(crate) use beside_each_home;

/// Runs a test's body on one of the two.
pub(crate) fn on(kind: Kind, test: fn()) {
    KIND.set(kind);
    test();
    for database in MOVED.take().into_values() {
        cluster().ask(&format!("DROP DATABASE {database} WITH (FORCE)"));
    }
}

/// On the server's turn, moves what an engine wrote into a home since the last time into the home's database.
pub(crate) fn settle(home: &Path) {
    if KIND.get() == Kind::Sqlite {
        return;
    }
    let database = match MOVED.with_borrow(|moved| moved.get(home).cloned()) {
        Some(database) => database,
        None => {
            let database = cluster().new_database("retrocall");
            MOVED.with_borrow_mut(|moved| moved.insert(home.to_owned(), database.clone()));
            database
        }
    };
    let all: Vec<_> = tables().map(|table| (table, "TRUE".to_owned())).collect();
    pour(home, &cluster().url(&database), &all);
}

/// The records of a home that was moved are copied with it.
pub(crate) fn settle_copy(home: &Path, copy: &Path) {
    if let Some(database) = MOVED.with_borrow(|moved| moved.get(home).cloned()) {
        let copied = cluster().new_database(&database);
        MOVED.with_borrow_mut(|moved| moved.insert(copy.to_owned(), copied));
    }
}

/// Where the records of a home are now.
pub(crate) fn address(home: &Path) -> Address {
    match MOVED.with_borrow(|moved| moved.get(home).cloned()) {
        Some(database) => Address::Server(server(&database)),
        None => Address::of(home),
    }
}

/// The desk of a home's records.
pub(crate) fn desk(home: &Path) -> HomeDesk {
    HomeDesk::at(address(home))
}

/// The sweep's store of a home's records.
pub(crate) fn store(home: &Path) -> HomeStore {
    HomeStore::open_at(&address(home), home).expect("records").expect("records")
}

/// Runs one thing on a connection of another program.
pub(crate) fn outside<T>(home: &Path, work: impl AsyncFnOnce(&mut Connection) -> T) -> T {
    let address = address(home);
    run(async {
        let mut connection = match &address {
            // Whatever it holds: it may be damaged, foreign or of before.
            Address::Home { catalog, .. } => {
                Connection::Sqlite(SqliteOptions::of(catalog).connect().expect("a catalog"))
            }
            Address::Server(_) => address.open(true).await.expect("a server").expect("tables"),
        };
        let answer = work(&mut connection).await;
        connection.close().await.expect("closed");
        answer
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// The cluster of this process, which the first test that needs it starts.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let prepare = |url: &str| Server::at(url).expect("an address").prepare().expect("tables");
    CLUSTER.get_or_init(|| Cluster::start(prepare))
}

/// A database of it.
pub(crate) fn server(database: &str) -> Server {
    Server::at(&cluster().url(database)).expect("an address")
}

/// The columns of a table, each with its kind and whether it may be empty, in the order of their names.
type Columns = Vec<(String, String, bool)>;

#[test]
fn a_server_has_the_tables_and_columns_that_the_migrations_of_a_catalog_leave() {
    let (in_catalog, on_server) = run(async {
        let mut catalog = SqliteOptions::of(Path::new(":memory:")).connect().expect("a catalog");
        crate::migrations::update_home(&mut catalog).await.expect("tables");
        let mut catalog = Connection::Sqlite(catalog);
        let select = "SELECT tables.name, columns.name, columns.type, columns.\"notnull\" OR columns.pk > 0
                      FROM sqlite_master AS tables JOIN pragma_table_info(tables.name) AS columns
                      WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' AND tables.name NOT LIKE '\\_sqlx%' ESCAPE '\\'";
        let in_catalog: Vec<(String, String, String, bool)> =
            rows::query_as(select).fetch_all(&mut catalog).await.expect("columns");
        let server = server("retrocall");
        let mut connection = server.open().await.expect("a server").expect("tables");
        let select =
            "SELECT table_name, column_name, upper(data_type), is_nullable = 'NO' FROM information_schema.columns
                      WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%'";
        let on_server = rows::query_as(select).fetch_all(&mut connection).await.expect("columns");
        (in_catalog, on_server)
    });
    let by_table = |columns: Vec<(String, String, String, bool)>| {
        let mut tables: std::collections::BTreeMap<String, Columns> = std::collections::BTreeMap::new();
        for (table, column, kind, is_needed) in columns {
            tables.entry(table).or_default().push((column, kind, is_needed));
        }
        tables.values_mut().for_each(|columns| columns.sort());
        tables
    };
    assert_eq!(by_table(on_server), by_table(in_catalog));
}

#[test]
fn text_on_a_server_is_sorted_by_its_bytes_and_a_nul_in_it_is_replaced() {
    let database = cluster().new_database("retrocall");
    let found: Vec<String> = run(async {
        let mut rows = server(&database).open().await.expect("a server").expect("tables");
        for name in ["b", "A", "a", "B\0"] {
            let insert = rows::query("INSERT INTO users (name, made_at) VALUES ($1, '')").bind(name);
            insert.execute(&mut rows).await.expect("a user");
        }
        rows::query_scalar("SELECT name FROM users ORDER BY name").fetch_all(&mut rows).await.expect("users")
    });
    assert_eq!(found, ["A", "B\u{fffd}", "a", "b"]);
}
