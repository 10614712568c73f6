//! A customer is found by any spelling of the number, whatever happened to the catalog since.

use std::collections::HashSet;

use sqlx::migrate::Migrator;

use super::*;
use crate::rows;

fn country(letters: &str) -> Country {
    letters.parse().expect("a country")
}

/// All notes of a recording of the customer with this number.
fn record(catalog: &Catalog, customer: &str) -> CallId {
    let (call, customer) = (begin(catalog), Some(Customer::from(customer.to_owned())));
    let Note::Selected(mut begun) = selected(call) else { unreachable!("it is one") };
    begun.of.customer.clone_from(&customer);
    catalog.note(Note::Selected(begun));
    let mut kept = recording(call);
    kept.of.customer = customer;
    catalog.note(Note::Kept(Box::new(kept)));
    catalog.note(ended(call, Outcome::Kept));
    call
}

fn found(home: &Path, number: &str, letters: &str) -> HashSet<CallId> {
    of_customer(home, &Customer::from(number.to_owned()), country(letters)).expect("a catalog")
}

#[test]
fn a_customer_is_found_by_any_spelling_and_what_is_no_number_as_it_was_given() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    let spellings = [
        "+31612345678",
        "0031612345678",
        "06-12345678",
        "sip:+31612345678@192.0.2.7",
        "sip:0612345678@host;user=phone",
        "tel:+31-6-1234-5678",
    ];
    let of_one: HashSet<CallId> = spellings.iter().map(|spelling| record(&catalog, spelling)).collect();
    let others = ["anna@example.com", "anonymous", "204", "+31201234567"].map(|given| (given, record(&catalog, given)));
    // Recovery knows no number: the form stays with the number that is written down.
    catalog.note(kept(*of_one.iter().next().unwrap()));
    assert!(catalog.close(LONG));
    for spelling in spellings.into_iter().chain(["06 1234 5678", "+31 (0)6 12345678"]) {
        assert_eq!(found(home.path(), spelling, "NL"), of_one, "{spelling}");
    }
    for (given, call) in others {
        assert_eq!(found(home.path(), given, "NL"), [call].into(), "{given}");
    }
    assert_eq!(found(home.path(), "sip:204@host", "NL"), HashSet::new());
    // The number as it was given is there still.
    let given: Vec<String> = outside(&home, async |connection| {
        rows::query_scalar("SELECT customer FROM recordings ORDER BY began_at, id").fetch_all(connection).await.unwrap()
    });
    assert!(spellings.iter().all(|spelling| given.iter().any(|given| given == spelling)), "{given:?}");
}

/// A catalog as the version before this one made it, with recordings of customers with these numbers.
fn older_catalog(home: &TempDir, numbers: &[String]) {
    let of_before = TempDir::new().unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    for entry in fs::read_dir(migrations).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name < "0005" {
            fs::copy(&path, of_before.path().join(name)).unwrap();
        }
    }
    fs::write(file(home), "").unwrap();
    outside(home, async |connection| {
        let migrator = Migrator::new(of_before.path()).await.unwrap();
        migrator.run_direct(None, connection.as_sqlite().unwrap(), false).await.unwrap();
        for number in numbers {
            let insert = rows::query(
                "INSERT INTO recordings (id, call, agent, customer, direction, began_at, rate, path, reasons, state)
                 VALUES ($1, $1, 'anna', $2, 'inbound', '2026-11-24T09:00:00.000000Z', 8000, '', 'on-demand', 'complete')",
            );
            insert.bind(CallId::new().to_string()).bind(number).execute(&mut *connection).await.unwrap();
        }
    });
}

#[test]
fn numbers_in_a_catalog_of_before_get_their_form_also_if_the_engine_is_killed_meanwhile() {
    let home = TempDir::new().unwrap();
    let mut numbers: Vec<String> = (0..450).map(|number| format!("0612345{number:03}")).collect();
    numbers.push("anonymous".to_owned());
    older_catalog(&home, &numbers);
    let customer = Customer::from("+31612345000".to_owned());
    assert_eq!(of_customer(home.path(), &customer, country("NL")), Err(Trouble::Older { path: file(&home) }));
    assert!(open(&home).close(LONG));
    // As far as a killed one may have come.
    outside(&home, async |connection| {
        rows::query("UPDATE recordings SET customer_form = NULL, customer_rule = ''")
            .execute(&mut *connection)
            .await
            .unwrap();
        assert!(crate::forms::make_forms(connection, country("NL")).await.unwrap());
    });
    let catalog = open(&home);
    for number in ["+31612345000", "+31612345449"] {
        wait_until(|| found(home.path(), number, "NL").len() == 1);
    }
    assert_eq!(found(home.path(), "anonymous", "NL").len(), 1);
    assert!(catalog.close(LONG));
}

#[test]
fn after_the_country_was_set_right_numbers_without_one_are_of_that_country() {
    let home = TempDir::new().unwrap();
    let catalog = open(&home);
    let call = record(&catalog, "02 512 34 56");
    assert!(catalog.close(LONG));
    assert_eq!(found(home.path(), "+3225123456", "NL"), HashSet::new());
    let catalog = Catalog::start(home.path(), today(), country("BE"), limits());
    wait_until(|| found(home.path(), "+3225123456", "BE") == [call].into());
    assert!(catalog.close(LONG));
    assert_eq!(found(home.path(), "025123456", "BE"), [call].into());
}

#[test]
fn a_customer_of_whom_a_locked_catalog_was_not_told_is_found_after_the_next_start() {
    let home = TempDir::new().unwrap();
    with_one_call(&home);
    let call = while_locked(&home, || {
        let catalog = open(&home);
        let call = record(&catalog, "0612345678");
        assert!(catalog.close(RETRY), "it is put aside");
        call
    });
    assert!(open(&home).close(LONG));
    assert_eq!(found(home.path(), "+31612345678", "NL"), [call].into());
}
