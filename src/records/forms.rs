//! Numbers of customers that are in the catalog and lack their one form get it.
//!
//! Belongs here: which rows, and how many at a time. Does not: what the form of a number is (`customer`).

use super::{
    customer::{self, in_one_form},
    rows::{self, Connection},
};
use retrocall_words::{Country, Customer};

/// How many rows get the normal form of their customer's number in one transaction: few, so that notes do not wait long.
const FORMS_MAX: i64 = 200;

/// Gives customers' numbers the normal form for this `country` where they lack it: in an older catalog, or after the country changed.
/// Takes some rows at a time; returns false when all have it.
pub(super) async fn make_forms(connection: &mut Connection, country: Country) -> Result<bool, sqlx::Error> {
    let rule = customer::rule(country);
    let mut transaction = connection.begin_writing().await?;
    let select = rows::query(
        "SELECT id, customer FROM recordings
         WHERE customer IS NOT NULL AND (customer_rule < $1 OR customer_rule > $1) LIMIT $2",
    );
    let rows = select.bind(&rule).bind(FORMS_MAX).fetch_all(&mut transaction).await?;
    for row in &rows {
        let (id, given): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let form = in_one_form(&Customer::from(given), country);
        let update = rows::query("UPDATE recordings SET customer_form = $2, customer_rule = $3 WHERE id = $1")
            .bind(id)
            .bind(form.as_ref().map(Customer::number))
            .bind(&rule);
        update.execute(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(!rows.is_empty())
}
