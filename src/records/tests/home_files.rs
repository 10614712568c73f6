//! No file of a home is forgotten by those who close, copy or look through one.

use super::*;
use crate::{
    backup::{Beside, backup, restore},
    desk::{Customers as _, HomeDesk, Obeying as _, Order, OrderKind, OrdersAnswer, Person},
    ledger::enter_number,
    link_state::LinkState,
    site_key::SiteKey,
    sweep::{Files as _, HomeFiles},
};

/// Adds the names in a home that no list knows to the first ones, and those that are listed to the second ones.
fn look(home: &TempDir, unknown: &mut Vec<String>, seen: &mut Vec<&'static str>) {
    for entry in fs::read_dir(home.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        match home_file(&name) {
            Some(file) => seen.push(file.name),
            None if name == "recordings" => {}
            None => unknown.push(name),
        }
    }
}

#[test]
fn each_file_that_a_home_has_ever_had_stands_in_the_list_and_each_in_the_list_was_there() {
    let (home, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (mut unknown, mut seen) = (Vec::new(), Vec::new());
    with_one_call(&home);
    while_locked(&home, || {
        let catalog = open(&home);
        begin(&catalog);
        assert!(catalog.close(RETRY));
    });
    // As whoever joins a centre and delivers there.
    let (key, _) = SiteKey::joining(home.path(), "http://localhost", "code").unwrap();
    key.keep(home.path()).unwrap();
    crate::beside::append_lines(&home.path().join("delivered.jsonl"), &["a line"]).unwrap();
    LinkState::default().write(home.path()).unwrap();
    let order = Order { number: 1, kind: OrderKind::Objects, at: at(0), before: None, customer: Some("0".repeat(64)) };
    let answer = OrdersAnswer { given: vec![order], key: Some("0".repeat(64)), ..OrdersAnswer::default() };
    HomeDesk::of(home.path()).take_orders("http://localhost", &answer, at(0)).unwrap();
    // People write this one.
    fs::write(home.path().join("hotkey.token"), "a token").unwrap();
    look(&home, &mut unknown, &mut seen);
    let (number, month) = ("123456789012".parse().unwrap(), "2027-01".parse().unwrap());
    // Whether it comes in time is another matter.
    let _ = enter_number(home.path(), month, &number);
    let files = HomeFiles::of(home.path());
    files.note_sweep(at(0)).unwrap();
    let catalog = open(&home);
    catalog.opened(LONG).unwrap();
    let customer = Customer::from("0201234567");
    let (desk, owner) = (HomeDesk::of(home.path()), Person::owner("root"));
    desk.customer_objects(&owner, &customer, Country::default(), at(1)).unwrap();
    look(&home, &mut unknown, &mut seen);
    assert!(catalog.close(LONG));
    let copy = elsewhere.path().join("backup.sqlite");
    backup(home.path(), &copy, at(1)).unwrap();
    // Without tombstones it is closed; then with some.
    restore(home.path(), &copy, Beside::default(), "root", at(2)).unwrap();
    look(&home, &mut unknown, &mut seen);
    files.bury(&[]).unwrap();
    look(&home, &mut unknown, &mut seen);
    assert_eq!(unknown, Vec::<String>::new(), "add it to `HOME_FILES`, with what it holds");
    for file in HOME_FILES {
        assert!(seen.contains(&file.name), "nothing makes `{}` any more: {seen:?}", file.name);
    }
}
