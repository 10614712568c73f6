//! The copies of a recording that no sweep reaches: its receipt names them.

use crate::{
    desk::{CopyOutside, UseKind},
    rows::{self, Connection},
    text,
};
use retrocall_words::Word as _;

/// The copies of a recording outside the home, the first one first.
pub(crate) async fn copies_of(rows: &mut Connection, recording: &str) -> Result<Vec<CopyOutside>, sqlx::Error> {
    let unreadable =
        |column: &str| sqlx::Error::ColumnDecode { index: column.into(), source: "not as it was written".into() };
    let mut copies = Vec::new();
    for row in rows::query(include_str!("../sql/rights/copies.sql")).bind(recording).fetch_all(rows).await? {
        let to: Option<String> = row.try_get("to_whom")?;
        copies.push(CopyOutside {
            kind: UseKind::read(row.try_get("kind")?).ok_or_else(|| unreadable("kind"))?,
            to: to.unwrap_or_default(),
            at: text::parse(row.try_get("at")?).ok_or_else(|| unreadable("at"))?,
        });
    }
    Ok(copies)
}

/// The same, as a receipt has them.
pub(crate) async fn exports(rows: &mut Connection, recording: &str) -> Result<String, sqlx::Error> {
    let copies = copies_of(rows, recording).await?;
    // Words and times can always be written.
    Ok(serde_json::to_string(&copies).unwrap_or_else(|_| "[]".to_owned()))
}
