//! Passwords, sessions and tokens: who is let in, for how long, and with which rights.

use super::*;
use crate::desk::{Listening as _, Logins as _, NewToken, SessionLimits, SoundFile};

const LIMITS: SessionLimits =
    SessionLimits { idle: SignedDuration::from_mins(30), total: SignedDuration::from_hours(10) };
const SECRET: &str = "0123456789abcdef";

fn with_hanna() -> Closed {
    let closed = Closed::with(1);
    let hanna = User { name: "hanna".into(), roles: [DeskRole::Reviewer].into(), agent: None, since: hour(0) };
    closed.desk.add_user(&Person::owner("root"), &hanna).unwrap();
    closed
}

fn minute(minutes: i64) -> Timestamp {
    hour(0) + SignedDuration::from_mins(minutes)
}

#[test]
fn whoever_shows_the_password_is_let_in_until_they_idle_too_long_or_the_day_is_over() {
    let closed = with_hanna();
    let desk = &closed.desk;
    assert_eq!(desk.password("hanna"), Ok(None));
    assert_eq!(desk.log_in("hanna", "hash", SECRET, minute(0)), Ok(false), "without a password nobody is");
    desk.set_password(&hanna(), "hanna", "hash", minute(0)).unwrap();
    assert_eq!(desk.password("hanna"), Ok(Some("hash".into())));
    assert_eq!(desk.log_in("hanna", "another hash", SECRET, minute(0)), Ok(false));
    assert_eq!(desk.log_in("hanna", "hash", SECRET, minute(0)), Ok(true));
    assert_eq!(desk.logged_in(SECRET, LIMITS, minute(29)), Ok(Some(hanna())));
    assert_eq!(desk.logged_in("another", LIMITS, minute(29)), Ok(None));
    assert_eq!(desk.logged_in(SECRET, LIMITS, minute(58)), Ok(Some(hanna())), "a click counts");
    assert_eq!(desk.logged_in(SECRET, LIMITS, minute(89)), Ok(None), "half an hour without one");
    for at in (0..600).step_by(25) {
        assert_eq!(desk.log_in("hanna", "hash", &format!("{at}"), minute(at)), Ok(true));
        assert!(desk.logged_in("0", LIMITS, minute(at)).unwrap().is_some(), "{at}");
    }
    assert_eq!(desk.logged_in("0", LIMITS, minute(600)), Ok(None), "the day is over");
    desk.log_out("575", LIMITS, minute(600)).unwrap();
    assert_eq!(desk.logged_in("575", LIMITS, minute(600)), Ok(None));
    let left: i64 = one(&closed.home, "SELECT COUNT(*) FROM sessions");
    assert_eq!(left, 0, "all others had idled too long, and went with it");
    assert!(!format!("{:?}", closed.deeds()).contains("hash"));
}

#[test]
fn nobody_stays_logged_in_by_a_password_or_by_roles_that_they_no_longer_have() {
    let closed = with_hanna();
    let (desk, owner) = (&closed.desk, Person::owner("root"));
    let logged_in = |hash: &str| {
        desk.set_password(&owner, "hanna", hash, minute(0)).unwrap();
        assert_eq!(desk.log_in("hanna", hash, SECRET, minute(0)), Ok(true));
    };
    logged_in("one");
    desk.set_password(&hanna(), "hanna", "two", minute(1)).unwrap();
    assert_eq!(desk.logged_in(SECRET, LIMITS, minute(1)), Ok(None), "another password");
    logged_in("one");
    desk.set_roles(&owner, "hanna", &[DeskRole::Council].into(), minute(1)).unwrap();
    assert_eq!(desk.logged_in(SECRET, LIMITS, minute(1)), Ok(None), "other roles");
    logged_in("one");
    desk.remove_user(&owner, "hanna", minute(1)).unwrap();
    assert_eq!(desk.logged_in(SECRET, LIMITS, minute(1)), Ok(None), "no account");
    assert_eq!(desk.log_in("hanna", "one", SECRET, minute(1)), Ok(false));
    let back = User { name: "hanna".into(), roles: [DeskRole::Council].into(), agent: None, since: minute(2) };
    desk.add_user(&owner, &back).unwrap();
    assert_eq!(desk.password("hanna"), Ok(None), "who comes back gets a password anew");
    assert!(desk.set_password(&owner, "nobody", "one", minute(2)).is_err());
    assert!(matches!(desk.set_password(&tom(), "hanna", "one", minute(2)), Err(NotDone::NotAllowed(_))));
}

#[test]
fn a_token_does_no_more_than_its_person_may_and_goes_with_them() {
    let closed = with_hanna();
    let (desk, owner) = (&closed.desk, Person::owner("root"));
    let token = |role| NewToken { name: "hanna".into(), role, secret: SECRET.into() };
    assert!(matches!(desk.add_token(&hanna(), &token(DeskRole::Council), hour(0)), Err(NotDone::Conflict(_))));
    assert!(matches!(desk.add_token(&tom(), &token(DeskRole::Reviewer), hour(0)), Err(NotDone::NotAllowed(_))));
    let id = desk.add_token(&hanna(), &token(DeskRole::Reviewer), hour(0)).unwrap();
    assert_eq!(desk.bearer(SECRET), Ok(Some(hanna())));
    assert_eq!(desk.bearer("another"), Ok(None));
    let listed = |who| desk.tokens(who).unwrap().into_iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!((listed(&hanna()), listed(&owner), listed(&tom())), (vec![id.clone()], vec![id.clone()], vec![]));
    let stored: String = one(&closed.home, "SELECT hash FROM tokens");
    assert!(!stored.contains(SECRET));

    desk.set_roles(&owner, "hanna", &[DeskRole::Council].into(), hour(1)).unwrap();
    assert_eq!(desk.bearer(SECRET).unwrap().unwrap().roles, BTreeSet::new(), "the role is no longer theirs");
    assert!(matches!(desk.revoke_token(&tom(), &id, hour(1)), Err(NotDone::Absent(_))));
    desk.revoke_token(&hanna(), &id, hour(1)).unwrap();
    assert_eq!(desk.bearer(SECRET), Ok(None));
    assert!(matches!(desk.revoke_token(&hanna(), &id, hour(1)), Err(NotDone::Absent(_))));
    desk.add_token(&owner, &token(DeskRole::Council), hour(2)).unwrap();
    desk.remove_user(&owner, "hanna", hour(3)).unwrap();
    assert_eq!(desk.bearer(SECRET), Ok(None));
}

#[test]
fn a_player_is_told_what_is_silent_and_where_record_was_pressed_and_nobodys_name() {
    let closed = Closed::with(2);
    let desk = &closed.desk;
    let sound = desk.sound(&hanna(), &closed.sampled[0], hour(0)).unwrap();
    assert_eq!((sound.rate, sound.seconds, sound.presses), (8_000, 90.5, vec![12.5]));
    assert!(matches!(&sound.parts[0], SoundFile::OnDisk(path) if path.starts_with(closed.home.path())));
    assert_eq!(desk.sound(&hanna(), &closed.pressed, hour(0)), Err(NotDone::Unknown));
    assert_eq!(desk.at_hand(&hanna(), hour(0)), Ok(None));
    let turn = desk.next(&hanna(), None, hour(0)).unwrap();
    assert_eq!(desk.at_hand(&hanna(), hour(0)), Ok(turn));
    assert!(matches!(desk.at_hand(&tom(), hour(0)), Err(NotDone::NotAllowed(_))));
}

#[test]
fn while_the_catalog_is_held_open_the_files_beside_it_stay_the_same() {
    let closed = Closed::with(1);
    let files = closed.desk.files().written;
    let [catalog, log, index, _] = &files[..] else { panic!("{files:?}") };
    let held = closed.desk.hold_open().unwrap();
    let before = [catalog, log, index].map(|file| file::identity(file));
    assert!(before.iter().all(Option::is_some));
    closed.desk.next(&hanna(), None, hour(0)).unwrap();
    assert_eq!([catalog, log, index].map(|file| file::identity(file)), before);
    assert!(!held.was_replaced());
    drop(held);
    assert!(!log.exists(), "the last one takes the log along");
    fs::rename(catalog, catalog.with_extension("old")).unwrap();
    assert!(matches!(closed.desk.hold_open(), Err(NotDone::Unknown)));
}
