//! A row of an answer.

use sqlx::{ColumnIndex, Decode, Postgres, Row as _, Type, postgres::PgRow};

use super::sqlite::{FromStored, SqliteRow};

/// A row, of one of the two.
pub(crate) enum Row {
    /// Of a catalog.
    Sqlite(SqliteRow),
    /// Of a server.
    Postgres(PgRow),
}

impl Row {
    /// The value in a column, which is named or counted.
    pub(crate) fn try_get<'r, T: Readable<'r>, C: InRow>(&'r self, column: C) -> sqlx::Result<T> {
        match self {
            Row::Sqlite(row) => row.read(column.place_in(row)?),
            Row::Postgres(row) => row.try_get(column),
        }
    }

    /// The columns in their order, as one value.
    pub(super) fn read<T: Columns>(&self) -> sqlx::Result<T> {
        T::read(self)
    }
}

/// A value that can be read from a column.
pub(crate) trait Readable<'r>: FromStored<'r> + Decode<'r, Postgres> + Type<Postgres> {}

impl<'r, T> Readable<'r> for T where T: FromStored<'r> + Decode<'r, Postgres> + Type<Postgres> {}

/// Which column: its name, or how many are before it.
pub(crate) trait InRow: ColumnIndex<PgRow> {
    /// Where it is in a row of a catalog.
    fn place_in(&self, row: &SqliteRow) -> sqlx::Result<usize>;
}

impl InRow for usize {
    fn place_in(&self, _row: &SqliteRow) -> sqlx::Result<usize> {
        Ok(*self)
    }
}

impl InRow for &str {
    fn place_in(&self, row: &SqliteRow) -> sqlx::Result<usize> {
        row.place_of(self)
    }
}

/// Some values, one of each column.
pub(crate) trait Columns: Sized {
    /// Reads them.
    fn read(row: &Row) -> sqlx::Result<Self>;
}

/// Tuples of values.
macro_rules! columns {
    ($($value:ident $place:literal),+) => {
        impl<$($value: for<'r> Readable<'r>),+> Columns for ($($value,)+) {
            fn read(row: &Row) -> sqlx::Result<Self> {
                Ok(($(row.try_get::<$value, _>($place)?,)+))
            }
        }
    };
}

columns!(A 0);
columns!(A 0, B 1);
columns!(A 0, B 1, C 2);
columns!(A 0, B 1, C 2, D 3);
columns!(A 0, B 1, C 2, D 3, E 4);
columns!(A 0, B 1, C 2, D 3, E 4, F 5);
columns!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
columns!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
