//! A site's requests and deliveries, in the database of a centre.

use super::*;
use crate::{
    desk::{
        Arrival, Deliveries as _, NotAdmitted, NotEnrolled, Offered, Outgoing as _, Sites as _, Standing, Stored,
        UPLOAD_TIME,
    },
    parcel::{Parcel, PartFacts},
    site_key::{Asked, SiteKey},
};

beside_each_home! {
    a_request_is_taken_once_and_one_counter_with_two_requests_shows_a_copy,
    a_delivery_is_registered_once_in_its_time_and_never_after_a_tombstone,
}

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn asked(path: &str) -> Asked<'_> {
    Asked { method: "POST", path, body_sha256: EMPTY }
}

/// A site that has joined.
pub(super) fn joined(centre: &Closed, site: &Closed) -> SiteKey {
    let owner = Person::owner("root");
    centre.desk.new_code(&owner, "code", hour(0)).unwrap();
    let (key, joining) = SiteKey::joining(site.home.path(), "http://localhost", "code").unwrap();
    key.keep(site.home.path()).unwrap();
    assert_eq!(centre.desk.enrol(&joining, hour(0)).unwrap(), key.site);
    assert_eq!(centre.desk.enrol(&joining, hour(0)), Err(NotEnrolled::Code), "a code is good once");
    key
}

fn a_request_is_taken_once_and_one_counter_with_two_requests_shows_a_copy() {
    let (centre, site) = (Closed::with(1), Closed::with(1));
    let (desk, owner) = (&centre.desk, Person::owner("root"));
    let mut key = joined(&centre, &site);
    let mut copy = SiteKey::of(site.home.path()).unwrap().unwrap();
    let first = key.sign(&asked("/a")).unwrap();
    assert_eq!(desk.admit(&asked("/b"), &first, hour(0)), Err(NotAdmitted::Unknown), "it was signed for another place");
    assert_eq!(desk.admit(&asked("/a"), &first, hour(0)), Ok(()));
    assert_eq!(desk.admit(&asked("/a"), &first, hour(0)), Err(NotAdmitted::Repeated));
    // One that a network held back comes after a later one.
    let (held_back, third) = (key.sign(&asked("/a")).unwrap(), key.sign(&asked("/a")).unwrap());
    assert_eq!(desk.admit(&asked("/a"), &third, hour(0)), Ok(()));
    assert_eq!(desk.admit(&asked("/a"), &held_back, hour(0)), Err(NotAdmitted::Repeated));
    assert_eq!(desk.sites(&owner).unwrap()[0].standing, Standing::Enrolled);
    // The copy has no idea of what the other one did.
    // It asks for the same, as a copy does that has as little to say.
    let again = copy.sign(&asked("/a")).unwrap();
    assert_eq!(again.counter, first.counter);
    let quarantined = Err(NotAdmitted::Standing(Standing::Quarantined));
    assert_eq!(desk.admit(&asked("/a"), &again, hour(1)), quarantined);
    let next = key.sign(&asked("/a")).unwrap();
    assert_eq!(desk.admit(&asked("/a"), &next, hour(1)), quarantined, "nobody knows which one is the copy");
    let mut key = joined(&centre, &site);
    let next = key.sign(&asked("/a")).unwrap();
    assert_eq!(desk.admit(&asked("/a"), &next, hour(1)), Ok(()), "it joined anew");
    desk.withdraw(&owner, &key.site, hour(2)).unwrap();
    let next = key.sign(&asked("/a")).unwrap();
    assert_eq!(desk.admit(&asked("/a"), &next, hour(2)), Err(NotAdmitted::Standing(Standing::Withdrawn)));
    let refused = desk.withdraw(&hanna(), &key.site, hour(2));
    assert!(matches!(refused, Err(NotDone::NotAllowed(_))), "{refused:?}");
}

/// A recording of a site, with one part of which nobody asks what is in it.
pub(super) fn parcel(site: &Closed, recording: &str) -> Parcel {
    let home = HomeDesk::of(site.home.path());
    let mut packed = home.pack(recording, hour(1)).unwrap().expect("it is to be delivered");
    packed.parcel.files[0].parts = vec![PartFacts { bytes: 4, sha256: EMPTY.to_owned() }];
    assert_eq!(packed.parcel.flaw(), None);
    packed.parcel
}

fn a_delivery_is_registered_once_in_its_time_and_never_after_a_tombstone() {
    let (centre, site) = (Closed::with(1), Closed::with(2));
    let desk = &centre.desk;
    joined(&centre, &site);
    let objects = [Stored { file: 1, part: 1, place: "there".into(), bytes: 4, sha256: EMPTY.into() }];
    let [one, two] = [&site.sampled[0], &site.sampled[1]].map(|recording| parcel(&site, recording));
    let begun = |now: Timestamp| Ok(Offered::Begun(now + UPLOAD_TIME));
    assert_eq!(desk.offer(&one, "digest", "a", hour(1)), begun(hour(1)));
    assert_eq!(desk.offer(&one, "digest", "a", hour(1)), begun(hour(1)), "the same delivery goes on");
    let busy = Ok(Offered::Busy(hour(1) + UPLOAD_TIME));
    assert_eq!(desk.offer(&one, "digest", "b", hour(1)), busy, "another one of it waits");
    assert_eq!(desk.offer(&one, "another", "a", hour(1)), busy, "and so does one that says something else of it");
    assert_eq!(desk.offer(&two, "digest", "b", hour(1)), begun(hour(1)), "that holds up no other recording");
    let late = hour(1) + UPLOAD_TIME;
    assert_eq!(desk.prolong(&one.site, &one.recording, "a", late), Ok(None), "its time is over");
    assert_eq!(desk.register(&one, "a", &objects, late), Ok(Arrival::Late));
    assert_eq!(desk.offer(&one, "digest", "a", late), begun(late));
    assert_eq!(desk.prolong("another", &one.recording, "a", late), Ok(None));
    assert_eq!(desk.register(&one, "b", &objects, late), Ok(Arrival::Late), "that is not its name");
    assert_eq!(desk.register(&one, "a", &objects, late), Ok(Arrival::Stored));
    assert_eq!(desk.register(&one, "a", &objects, late), Ok(Arrival::Already));
    assert_eq!(desk.offer(&one, "digest", "c", late), Ok(Offered::Already));
    assert_eq!(desk.prolong(&one.site, &one.recording, "a", late), Ok(None), "it has ended");
    let elsewhere = Parcel { site: "another".into(), ..one.clone() };
    assert_eq!(desk.offer(&elsewhere, "digest", "a", late), Ok(Offered::NotYours));
    let story = desk.story(&Person::owner("root"), &one.recording).unwrap();
    // Which of the sampled ones was pressed as well, the draw decides.
    let said: BTreeSet<String> = one.purposes.iter().map(|one| one.purpose.clone()).collect();
    let found: BTreeSet<String> = story.recording.purposes.iter().map(|one| one.as_str().to_owned()).collect();
    assert!(said == found && found.contains("quality"), "{said:?}, {found:?}");
    // Deleted while it is on its way.
    assert_eq!(desk.offer(&two, "digest", "b", late), begun(late), "its time begins anew");
    let call = two.call.call.to_string();
    homes::outside(centre.home.path(), async |rows| {
        let bury = rows::query("INSERT INTO tombstones (recording, call, buried_at) VALUES ($1, $2, $3)");
        bury.bind(&two.recording).bind(&call).bind(text::time(late)).execute(rows).await.unwrap();
    });
    assert_eq!(desk.register(&two, "b", &objects, late), Ok(Arrival::Gone));
    assert_eq!(desk.offer(&two, "digest", "b", late), Ok(Offered::Gone));
}
