//! What a server calls its refusals: SQLSTATE (PostgreSQL's manual, appendix A).

use sqlx::postgres::PgDatabaseError;

/// The refusals that pass: a deed that came between others, two that wait for each other; and a row that somebody else has written since it was looked
/// for, of which the server says so before it sees that the deed came between others (PostgreSQL's manual, "Serialization Failure Handling").
const RACES: [&str; 3] = ["40001", "40P01", "23505"];

/// The server's code of a refusal (SQLSTATE). None if it was no server that refused.
pub(super) fn code_of(error: &sqlx::Error) -> Option<&str> {
    match error {
        sqlx::Error::Database(answer) => answer.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code),
        _ => None,
    }
}

/// Whether a deed was refused because others did theirs at the same time.
pub(super) fn is_race(error: &sqlx::Error) -> bool {
    code_of(error).is_some_and(|code| RACES.contains(&code))
}
