//! Orders of a centre to its sites, at both ends.

use std::{
    collections::BTreeMap,
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    delivering::{joined, parcel},
    *,
};
use crate::{
    desk::{
        Arrival, Customers as _, Deliveries as _, Entered, NewHold, NotDone, Obeying as _, Offered, Order, OrderKind,
        OrderProgress, Orders as _, OrdersAnswer, OrdersNews, Outgoing as _, RequestOutcome, Requests as _, Sites as _,
        Staying, Stored, Subject, UPLOAD_TIME,
    },
    sweep::{HomeStore, Objects, Stays, Tombstone, would_delete},
};
use parking_lot::Mutex;
use retrocall_words::retention::{Calendar, Periods};

beside_each_home! {
    a_request_closes_once_each_site_has_delivered_what_is_of_before_and_names_those_that_are_missing,
    an_order_is_told_to_nobody_before_it_lies_in_the_store_and_no_number_is_used_twice,
    a_site_is_let_go_of_by_name_and_with_a_reason_and_the_control_log_says_so,
    a_confirmation_counts_once_no_delivery_of_before_is_on_its_way_and_what_never_arrived_goes,
    d7_who_objects_at_a_centre_objects_at_its_sites_which_are_not_told_the_number,
    a_database_that_comes_from_a_backup_takes_up_requests_holds_and_orders_again_and_none_that_is_over,
}

/// A store in memory.
#[derive(Default)]
struct Shelf {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    stones: Mutex<Vec<String>>,
    is_away: AtomicBool,
}

impl Shelf {
    fn answers(&self) -> io::Result<()> {
        if self.is_away.load(Ordering::Relaxed) { Err(io::Error::other("away")) } else { Ok(()) }
    }

    fn holds(&self, place: &str, text: &str) {
        self.objects.lock().insert(place.to_owned(), text.as_bytes().to_vec());
    }
}

impl Objects for Shelf {
    fn sum(&self, _: &[String]) -> io::Result<Option<String>> {
        Ok(None)
    }

    fn below(&self, folder: &str) -> io::Result<Vec<String>> {
        Ok(self.objects.lock().keys().filter(|place| place.starts_with(&format!("{folder}/"))).cloned().collect())
    }

    fn is_there(&self, place: &str) -> io::Result<bool> {
        Ok(self.objects.lock().contains_key(place))
    }

    fn remove(&self, place: &str) -> io::Result<bool> {
        Ok(self.objects.lock().remove(place).is_some())
    }

    fn of_recording(&self, site: &str, recording: &str) -> io::Result<Vec<String>> {
        self.below(&format!("{site}/{recording}"))
    }

    fn recordings(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn put(&self, place: &str, bytes: &[u8]) -> io::Result<bool> {
        self.answers()?;
        let mut objects = self.objects.lock();
        let is_new = !objects.contains_key(place);
        objects.entry(place.to_owned()).or_insert_with(|| bytes.to_vec());
        Ok(is_new)
    }

    fn read(&self, place: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.objects.lock().get(place).cloned())
    }

    fn bury(&self, tombstone: &Tombstone) -> io::Result<()> {
        self.stones.lock().push(tombstone.recording.clone());
        Ok(())
    }

    fn buried(&self) -> io::Result<Vec<String>> {
        Ok(self.stones.lock().clone())
    }
}

/// A centre with a store, and a site that has joined: two recordings of its own.
struct Two {
    centre: Closed,
    /// The centre's desk.
    desk: HomeDesk,
    shelf: Arc<Shelf>,
    site: Closed,
    /// Its id.
    name: String,
    /// What its link asks.
    home: HomeDesk,
}

const CENTRE: &str = "https://calls.example";

impl Two {
    fn new() -> Two {
        let (centre, site, shelf) = (Closed::with(1), Closed::with(1), Arc::new(Shelf::default()));
        let name = joined(&centre, &site).site.clone();
        let desk = centre.desk.clone().with_store(Arc::clone(&shelf) as _);
        let home = HomeDesk::of(site.home.path());
        Two { centre, desk, shelf, site, name, home }
    }

    /// A request for a copy, of a customer of whom nothing is kept.
    fn asked(&self, now: Timestamp) -> String {
        let of = Subject::of_customer(Customer::from("0201112223"), Country::default());
        let Entered { request, candidates, .. } = self.desk.open_request(&olga(), &of, day_of(now), now).unwrap();
        assert_eq!(candidates, Some(Vec::new()));
        request
    }

    fn order(&self, request: &str) -> OrderProgress {
        self.desk.request(&olga(), request).unwrap().order.expect("an order")
    }

    /// A round of the link, as far as orders go.
    fn round(&self, now: Timestamp) -> OrdersNews {
        let news = self.home.orders_news().unwrap();
        let answer = self.desk.hear_of_orders(&self.name, &news, now).unwrap();
        self.home.take_orders(CENTRE, &answer, now).unwrap();
        news
    }

    /// Everything of the site is at the centre.
    fn deliver(&self, now: Timestamp) {
        for recording in self.site.sampled.iter().chain([&self.site.pressed]) {
            assert_eq!(self.home.note_delivered(recording, "sum", now), Ok(true));
        }
        assert_eq!(self.home.remove_copies(now), Ok(Vec::new()));
    }

    fn is_missing(&self, request: &str) -> bool {
        let missing: Vec<String> = self.order(request).missing.into_iter().map(|one| one.site).collect();
        assert!(missing.is_empty() || missing == [self.name.clone()], "{missing:?}");
        !missing.is_empty()
    }
}

fn a_request_closes_once_each_site_has_delivered_what_is_of_before_and_names_those_that_are_missing() {
    let two = Two::new();
    let request = two.asked(hour(1));
    let order = two.order(&request);
    assert_eq!((order.order, order.given_at), (1, Some(hour(1))), "it lies in the store before anybody is told");
    let stored = String::from_utf8(two.shelf.read("orders/000000000001.json").unwrap().unwrap()).unwrap();
    assert!(stored.contains(&request) && !stored.contains("1112223"), "no site is told whose it is: {stored}");
    let refused = two.desk.answered(&olga(), &request, hour(2)).unwrap_err();
    assert!(matches!(&refused, NotDone::SitesMissing(missing) if missing[0].site == two.name), "{refused:?}");
    assert!(refused.to_string().contains("enrolled, never heard of"), "{refused}");
    assert_eq!(two.desk.sites(&olga()).unwrap()[0].orders, 1);

    assert_eq!(two.round(hour(3)), OrdersNews::default(), "it has heard of none yet");
    let news = two.round(hour(4));
    assert_eq!((&*news.done, &*news.open), (&[][..], &[1][..]));
    let waits: Vec<&str> = news.staying.iter().map(|one| &*one.why).collect();
    assert_eq!(waits, ["it waits for its delivery"; 2]);
    assert_eq!(two.order(&request).missing[0].staying, news.staying);
    // What nobody has heard of, and what another site says, changes nothing.
    let of_others = OrdersNews { done: vec![1, 7], ..OrdersNews::default() };
    let answer = two.desk.hear_of_orders("another", &of_others, hour(4)).unwrap();
    assert_eq!(answer.over, [1, 7], "each counts for whoever says it");
    assert!(two.is_missing(&request));
    let unknown = OrdersNews { done: vec![7], open: vec![1], staying: Vec::new() };
    assert_eq!(two.desk.hear_of_orders(&two.name, &unknown, hour(4)).unwrap().over, [7]);
    assert!(two.is_missing(&request));

    two.deliver(hour(5));
    let news = two.round(hour(5));
    assert_eq!((&*news.done, &*news.open, &*news.staying), (&[1][..], &[][..], &[][..]));
    assert!(!two.is_missing(&request));
    assert_eq!(two.home.orders_news(), Ok(OrdersNews::default()), "nobody waits for it any more");
    // Its confirmation comes once more, from a network that repeats.
    assert_eq!(two.desk.hear_of_orders(&two.name, &news, hour(6)).unwrap().over, [1]);
    assert_eq!(two.desk.answered(&olga(), &request, hour(6)), Ok(RequestOutcome::NothingHeld));
    assert_eq!(two.desk.sites(&olga()).unwrap()[0].orders, 0);
    let late = two.desk.hear_of_orders(&two.name, &news, hour(7)).unwrap();
    assert_eq!(late, OrdersAnswer { over: vec![1], ..OrdersAnswer::default() });
    assert_eq!(two.desk.request(&olga(), &request).unwrap().outcome, Some(RequestOutcome::NothingHeld));
    // Another centre's orders are others.
    let other = two.asked(hour(8));
    two.round(hour(8));
    assert_eq!(two.home.orders_news().unwrap().done, [2], "nothing is here");
    two.home.take_orders("https://other.example", &OrdersAnswer::default(), hour(8)).unwrap();
    assert_eq!(two.home.orders_news(), Ok(OrdersNews::default()));
    two.round(hour(9));
    two.round(hour(9));
    assert!(!two.is_missing(&other), "it was told once more");
}

fn an_order_is_told_to_nobody_before_it_lies_in_the_store_and_no_number_is_used_twice() {
    let two = Two::new();
    two.shelf.is_away.store(true, Ordering::Relaxed);
    let request = two.asked(hour(1));
    assert_eq!(two.order(&request).given_at, None);
    two.round(hour(2));
    assert_eq!(two.home.orders_news(), Ok(OrdersNews::default()), "no site is told");
    assert!(two.desk.answered(&olga(), &request, hour(2)).is_err());
    two.shelf.is_away.store(false, Ordering::Relaxed);
    // The database comes from a backup: it does not know the first two.
    let older = r#"{"number":1,"kind":"deliver","request":"another","before":null,"at":"2026-11-30T08:00:00Z"}"#;
    two.shelf.holds("orders/000000000001.json", older);
    two.shelf.holds("orders/000000000002.json", older);
    two.round(hour(3));
    let order = two.order(&request);
    assert_eq!((order.order, order.given_at), (3, Some(hour(3))));
    assert_eq!(two.shelf.read("orders/000000000001.json").unwrap().unwrap(), older.as_bytes());
    assert_eq!(two.home.orders_news().unwrap().open, [3]);
    // Somebody was killed while they wrote it.
    two.shelf.holds("orders/000000000004.json", "{");
    let next = two.asked(hour(4));
    assert_eq!(two.order(&next).order, 4);
    let mended = two.shelf.read("orders/000000000004.json").unwrap().unwrap();
    assert!(String::from_utf8(mended).unwrap().contains(&next));
}

fn a_site_is_let_go_of_by_name_and_with_a_reason_and_the_control_log_says_so() {
    let two = Two::new();
    let request = two.asked(hour(1));
    two.desk.withdraw(&Person::owner("root"), &two.name, hour(1)).unwrap();
    assert!(two.is_missing(&request), "what it has is not here, whoever withdrew it");
    let refused = two.desk.let_go(&hanna(), &request, &two.name, "lost", hour(2));
    assert!(matches!(refused, Err(NotDone::NotAllowed(_))), "{refused:?}");
    let absent = two.desk.let_go(&olga(), &request, "nowhere", "lost", hour(2));
    assert!(matches!(absent, Err(NotDone::Absent(_))), "{absent:?}");
    two.desk.let_go(&olga(), &request, &two.name, "its disk was destroyed", hour(2)).unwrap();
    assert!(!two.is_missing(&request));
    let [ref let_go] = two.order(&request).let_go[..] else { panic!("one") };
    assert_eq!((&*let_go.site, &*let_go.by, let_go.at), (&*two.name, "olga", hour(2)));
    let again = two.desk.let_go(&olga(), &request, &two.name, "lost", hour(3));
    assert!(matches!(again, Err(NotDone::Conflict(_))), "{again:?}");
    let deeds = two.centre.deeds();
    let deed = deeds.iter().rfind(|deed| deed["deed"] == "site-changed" && deed["result"] == "done").unwrap();
    assert_eq!(deed["matter"], serde_json::json!(request));
    assert!(deed["text"].is_string(), "the reason stands there as a salted hash: {deed}");
    assert_eq!(two.desk.answered(&olga(), &request, hour(4)), Ok(RequestOutcome::NothingHeld));
    assert!(two.centre.found().is_empty());
}

fn a_confirmation_counts_once_no_delivery_of_before_is_on_its_way_and_what_never_arrived_goes() {
    let two = Two::new();
    let [one, whole] = [&two.site.sampled[0], &two.site.pressed].map(|recording| parcel(&two.site, recording));
    for parcel in [&one, &whole] {
        assert!(matches!(two.desk.offer(parcel, "digest", "a", hour(1)), Ok(Offered::Begun(_))));
        two.shelf.holds(&format!("{}/{}/1.1-abc", two.name, parcel.recording), "a part");
    }
    two.shelf.holds(&format!("{}/{}/facts-abc.json", two.name, whole.recording), "{}");
    let request = two.asked(hour(1));
    let done = OrdersNews { done: vec![1], ..OrdersNews::default() };
    let now = hour(1) + UPLOAD_TIME - SignedDuration::from_secs(1);
    assert_eq!(two.desk.hear_of_orders(&two.name, &done, now).unwrap().over, [0; 0], "a part may be on its way");
    let late = hour(1) + UPLOAD_TIME;
    two.desk.hear_of_orders(&two.name, &done, late).unwrap();
    assert_eq!(*two.shelf.stones.lock(), std::slice::from_ref(&one.recording));
    assert_eq!(two.shelf.of_recording(&two.name, &one.recording).unwrap(), Vec::<String>::new());
    assert_eq!(two.desk.offer(&one, "digest", "b", late), Ok(Offered::Gone));
    // The other one came whole: a database that was restored does not know that the site was told so.
    assert_eq!(two.shelf.of_recording(&two.name, &whole.recording).unwrap().len(), 2);
    assert!(two.is_missing(&request));
    two.shelf.remove(&format!("{}/{}/facts-abc.json", two.name, whole.recording)).unwrap();
    assert_eq!(two.desk.hear_of_orders(&two.name, &done, late).unwrap().over, [1]);
    assert!(!two.is_missing(&request));
}

/// Asks or changes the catalog of the site's own home, wherever the test's records lie.
fn at_site<T>(site: &Closed, work: impl AsyncFnOnce(&mut rows::Connection) -> T) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let mut connection = crate::Address::of(site.home.path()).open(true).await.unwrap().unwrap();
        let answer = work(&mut connection).await;
        connection.close().await.unwrap();
        answer
    })
}

fn d7_who_objects_at_a_centre_objects_at_its_sites_which_are_not_told_the_number() {
    let two = Two::new();
    at_site(&two.site, async |rows| {
        let update = "UPDATE recordings SET customer = '0201112223', customer_form = '+31201112223'";
        rows::query(update).execute(rows).await.unwrap();
    });
    let (customer, nl) = (Customer::from("020 111 2223"), Country::default());
    assert!(two.desk.customer_objects(&tom(), &customer, nl, hour(1)).unwrap().is_new);
    assert!(!two.desk.customer_objects(&tom(), &Customer::from("+31201112223"), nl, hour(1)).unwrap().is_new);
    assert_eq!(two.desk.sites(&olga()).unwrap()[0].orders, 1, "said twice it is one order");
    let said: Vec<u8> = two.shelf.objects.lock().values().flatten().copied().collect();
    assert!(!String::from_utf8(said).unwrap().contains("1112223"));
    // It was drawn before the site has heard of it, and is delivered before, too.
    let parcel = parcel(&two.site, &two.site.sampled[0]);
    let objects = [Stored { file: 1, part: 1, place: "there".into(), bytes: 4, sha256: "0".repeat(64) }];
    assert!(matches!(two.desk.offer(&parcel, "digest", "a", hour(1)), Ok(Offered::Begun(_))));
    assert_eq!(two.desk.register(&parcel, "a", &objects, hour(1)), Ok(Arrival::Stored));
    assert!(two.centre.anchors(&parcel.recording).contains(&"quality objected".to_owned()));

    two.round(hour(2));
    assert_eq!(two.round(hour(2)).done, [1]);
    assert_eq!(two.desk.sites(&olga()).unwrap()[0].orders, 0, "it is confirmed");
    let anchors: i64 = at_site(&two.site, async |rows| {
        let select = "SELECT COUNT(*) FROM anchors WHERE anchor = 'objected' AND purpose = 'quality'";
        rows::query_scalar(select).fetch_one(rows).await.unwrap()
    });
    assert_eq!(anchors, 1, "what lies there is not kept for coaching");
    let noted = std::fs::read_to_string(two.site.home.path().join("holds.jsonl")).unwrap();
    assert!(noted.contains("customer") && !noted.contains("1112223"), "no restore forgets it: {noted}");
    let catalog = open(&two.site.home);
    wait_until(|| catalog.objects(&Customer::from("0031 20 1112223")));
    assert!(!catalog.objects(&Customer::from("0109876543")));
    two.desk.customer_withdraws(&olga(), &customer, nl, hour(3)).unwrap();
    two.round(hour(4));
    catalog.look();
    wait_until(|| !catalog.objects(&customer));
    assert!(catalog.close(LONG));
}

fn a_database_that_comes_from_a_backup_takes_up_requests_holds_and_orders_again_and_none_that_is_over() {
    let two = Two::new();
    let [held, free] = [&two.centre.sampled[0], &two.centre.pressed];
    let hold = |recording: &str, hours| {
        let review_on = day_of(hour(0)).tomorrow().unwrap();
        let hold = NewHold { reason: "a claim".into(), owner: "olga".into(), until: "the court".into(), review_on };
        two.desk.hold(&olga(), recording, &hold, hour(hours))
    };
    let objects = |folder| two.shelf.below(folder).unwrap().len();
    // It is about an agent, whose calls are here.
    let request = two.desk.open_request(&olga(), &Subject::Agent("anna".into()), day_of(hour(1)), hour(1)).unwrap();
    assert_eq!(request.candidates.map(|found| found.len()), Some(2));
    let (request, answered) = (request.request, two.asked(hour(1)));
    let (first, released) = (hold(held, 1).unwrap(), hold(free, 1).unwrap());
    assert!(matches!(hold("unknown", 1), Err(NotDone::Unknown)));
    assert_eq!((objects("requests"), objects("holds"), objects("orders")), (2, 2, 2), "what was refused is not there");
    two.desk.release(&olga(), &released, "settled", hour(2)).unwrap();
    two.desk.let_go(&olga(), &answered, &two.name, "lost", hour(2)).unwrap();
    two.desk.answered(&olga(), &answered, hour(2)).unwrap();
    assert_eq!((objects("requests"), objects("holds"), objects("orders")), (1, 1, 2), "no number of a customer stays");
    assert_eq!(two.desk.take_up_orders(hour(3)), Ok(0), "all of it is known");
    outside(&two.centre.home, async |rows| {
        for table in ["order_sites", "orders", "request_recordings", "requests", "holds"] {
            rows::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(rows).await.unwrap();
        }
    });
    assert_eq!(two.desk.take_up_orders(hour(4)), Ok(4), "a request, a hold, two orders");
    assert_eq!(two.desk.take_up_orders(hour(4)), Ok(0));
    let again = two.desk.request(&olga(), &request).unwrap();
    assert_eq!((again.recordings.len(), again.entered_at, again.outcome), (2, hour(1), None));
    assert_eq!(again.order.map(|order| (order.order, order.missing.len())), Some((1, 1)), "its sites are asked again");
    assert!(two.desk.request(&olga(), &answered).is_err(), "what was answered is not asked for again");
    let holds: Vec<String> = two.desk.holds(&olga()).unwrap().into_iter().map(|hold| hold.hold).collect();
    assert_eq!(holds, [first]);
    let next = two.asked(hour(5));
    assert_eq!(two.order(&next).order, 3, "no number is used twice");
}

#[test]
fn a_site_deletes_what_it_has_not_delivered_under_orders_of_the_last_day_or_when_the_longest_time_is_over() {
    let site = Closed::with(1);
    let home = HomeDesk::of(site.home.path());
    let centre = Closed::with(1);
    // Pressed, without a case for seven working days, and not for fourteen days.
    let (due, longest) = (hour(120), hour(200));
    let store = || {
        let mut store = HomeStore::open(site.home.path()).unwrap().unwrap();
        store.consider(Periods::default(), &Calendar::default(), due).unwrap();
        store
    };
    let goes = |now| -> Vec<String> {
        would_delete(&mut store(), now, 9).unwrap().into_iter().map(|doomed| doomed.id).collect()
    };
    let stays = |now| -> Vec<(String, Stays)> {
        store().due_and_stays(now, 9).unwrap().into_iter().map(|one| (one.id, one.stays)).collect()
    };
    let (minute, none) = (SignedDuration::from_mins(1), Vec::<String>::new());
    assert_eq!((goes(due), stays(due)), (vec![site.pressed.clone()], vec![]), "it delivers nowhere");
    joined(&centre, &site);
    let without_orders = (none.clone(), vec![(site.pressed.clone(), Stays::NoOrders)]);
    assert_eq!((goes(due), stays(due)), without_orders);
    assert!(goes(longest).contains(&site.pressed), "nothing is kept for ever because a centre is away");
    // Heard a day ago, by a clock that may be ten minutes off; and by one that was ahead.
    for heard in [due - SignedDuration::from_hours(24) + minute * 9, due + minute] {
        home.take_orders(CENTRE, &OrdersAnswer::default(), heard).unwrap();
        assert_eq!((goes(due), stays(due)), without_orders, "{heard}");
    }
    home.take_orders(CENTRE, &OrdersAnswer::default(), due - minute).unwrap();
    assert_eq!((goes(due), stays(due)), (vec![site.pressed.clone()], vec![]));
    // Its delivery has begun.
    home.pack(&site.pressed, due).unwrap().unwrap();
    assert_eq!(stays(due), [(site.pressed.clone(), Stays::BeingDelivered)]);
    let order = |before| Order { number: 1, kind: OrderKind::Deliver, at: due, before, customer: None };
    let given = OrdersAnswer { given: vec![order(Some(hour(0)))], ..OrdersAnswer::default() };
    home.take_orders(CENTRE, &given, due).unwrap();
    assert_eq!((goes(due), stays(due)), (none, vec![(site.pressed.clone(), Stays::Ordered)]));
    // What more has come to its time by then stays as well, under an order that was heard.
    home.take_orders(CENTRE, &given, longest).unwrap();
    assert!(goes(longest).is_empty() && stays(longest).iter().all(|(_, why)| *why == Stays::Ordered));
    let over = OrdersAnswer { over: vec![1], ..OrdersAnswer::default() };
    home.take_orders(CENTRE, &over, longest).unwrap();
    assert!(goes(longest).contains(&site.pressed) && stays(longest).is_empty());
}

#[test]
fn a_recording_that_somebody_works_with_is_named_as_why_an_order_is_not_done() {
    let site = Closed::with(1);
    let home = HomeDesk::of(site.home.path());
    site.desk.open_case(&tom(), &site.pressed, hour(0)).unwrap();
    home.note_refused(&site.sampled[0], "no room", hour(0)).unwrap();
    let order = Order { number: 4, kind: OrderKind::Deliver, at: hour(0), before: Some(hour(0)), customer: None };
    home.take_orders(CENTRE, &OrdersAnswer { given: vec![order], ..OrdersAnswer::default() }, hour(0)).unwrap();
    let news = home.orders_news().unwrap();
    let mut staying: Vec<(String, String)> =
        news.staying.into_iter().map(|Staying { recording, why }| (recording, why)).collect();
    staying.sort();
    let mut expected = vec![
        (site.pressed.clone(), "somebody works with it there".to_owned()),
        (site.sampled[0].clone(), "it was refused: no room".to_owned()),
    ];
    expected.sort();
    assert_eq!((news.open, staying), (vec![4], expected));
    // An order of before that is done, whatever is here of later.
    let before = Some("2026-11-01T00:00:00Z".parse().unwrap());
    let order = Order { number: 5, kind: OrderKind::Deliver, at: hour(0), before, customer: None };
    home.take_orders(CENTRE, &OrdersAnswer { given: vec![order], ..OrdersAnswer::default() }, hour(0)).unwrap();
    let news = home.orders_news().unwrap();
    assert_eq!((news.done, news.open), (vec![5], vec![4]));
}
