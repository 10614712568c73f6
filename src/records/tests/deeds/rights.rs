//! Who may do what: every deed by every role, each on a home of its own, as one grid. A change of rights is a line that changes here.

use super::*;
use crate::desk::{Logins as _, NewHold, NewToken, Use, UseKind};

beside_each_home! {
    who_may_do_what_stands_in_the_grid_and_each_deed_has_one_row_in_the_ledger_refused_or_not,
}

type Did = Result<(), NotDone>;

/// A home in which something of each kind is there to be done.
struct Scene {
    closed: Closed,
    /// Sampled, heard by nobody.
    fresh: String,
    /// With a learning moment.
    noted: String,
    /// With an objection.
    disputed: String,
    open: String,
    shut: String,
    hold: String,
}

impl Scene {
    fn new() -> Scene {
        let closed = Closed::with(4);
        let (desk, owner, both) = (&closed.desk, Person::owner("root"), closed.both());
        let alone: Vec<String> = closed.sampled.iter().filter(|id| **id != both).cloned().collect();
        for noted in &alone[..2] {
            desk.review(&owner, noted, &moment("asks twice"), hour(0)).unwrap();
        }
        desk.reply(&owner, &alone[1], ReplyKind::Objection, "not mine", hour(1)).unwrap();
        let shut = desk.open_case(&owner, &both, hour(1)).unwrap();
        desk.close_case(&owner, &shut, "settled", None, hour(2)).unwrap();
        let open = desk.open_case(&owner, &both, hour(1)).unwrap();
        let hold = desk.hold(&owner, &both, &new_hold(), hour(2)).unwrap();
        let user = User { name: "tim".into(), roles: [DeskRole::Reviewer].into(), agent: None, since: hour(2) };
        desk.add_user(&owner, &user).unwrap();
        let [noted, disputed, fresh] = [0, 1, 2].map(|number: usize| alone[number].clone());
        Scene { closed, fresh, noted, disputed, open, shut, hold }
    }
}

fn new_hold() -> NewHold {
    let review_on = day_of(hour(24 * 90));
    NewHold { reason: "claim".into(), owner: "olga".into(), until: "the court has decided".into(), review_on }
}

type Deed = fn(&Scene, &HomeDesk, &Person) -> Did;

const DEEDS: [(&str, Deed); 21] = [
    ("next call", |_, desk, who| desk.next(who, None, hour(3)).map(drop)),
    ("review", |scene, desk, who| desk.review(who, &scene.fresh, &ReviewOutcome::NoFinding, hour(3)).map(drop)),
    ("private call", |scene, desk, who| desk.review(who, &scene.fresh, &ReviewOutcome::PrivateCall, hour(3)).map(drop)),
    ("propose training", |scene, desk, who| desk.propose_training(who, &scene.noted, "calm", hour(3)).map(drop)),
    ("evaluation", |_, desk, who| desk.evaluated(who, "anna", hour(3)).map(drop)),
    ("agent left", |_, desk, who| desk.agent_left(who, "anna", hour(3)).map(drop)),
    ("reply", |scene, desk, who| desk.reply(who, &scene.noted, ReplyKind::Reply, "the line", hour(3))),
    ("object", |scene, desk, who| desk.reply(who, &scene.noted, ReplyKind::Objection, "no", hour(3))),
    ("decide", |scene, desk, who| desk.decide(who, &scene.disputed, Decision::Rejected, "yes", hour(3))),
    ("open case", |scene, desk, who| desk.open_case(who, &scene.closed.pressed, hour(3)).map(drop)),
    ("attach", |scene, desk, who| desk.attach(who, &scene.open, &scene.closed.pressed, hour(3))),
    ("close case", |scene, desk, who| desk.close_case(who, &scene.open, "settled", None, hour(3))),
    ("reopen case", |scene, desk, who| desk.reopen_case(who, &scene.shut, hour(3))),
    ("still needed", |scene, desk, who| desk.still_needed(who, &scene.open, hour(3))),
    ("dismiss", |scene, desk, who| desk.dismiss(who, &scene.closed.pressed, "a slip", hour(3))),
    ("hold", |scene, desk, who| desk.hold(who, &scene.closed.pressed, &new_hold(), hour(3)).map(drop)),
    ("release", |scene, desk, who| desk.release(who, &scene.hold, "withdrawn", hour(3))),
    ("play", |scene, desk, who| {
        desk.used(who, &scene.closed.pressed, &Use { kind: UseKind::Play, why: "to listen".into(), of: None }, hour(3))
    }),
    ("set roles", |_, desk, who| desk.set_roles(who, "tim", &[DeskRole::Council].into(), hour(3))),
    ("password", |_, desk, who| desk.set_password(who, "tim", "hash", hour(3))),
    ("token", |_, desk, who| {
        let token = NewToken { name: "tim".into(), role: DeskRole::Reviewer, secret: "secret".into() };
        desk.add_token(who, &token, hour(3)).map(drop)
    }),
];

fn people() -> [(&'static str, Person); 8] {
    [
        ("agent", anna()),
        ("other", person("carla", &[DeskRole::Agent], Some("carla"))),
        ("reviewer", hanna()),
        ("handler", tom()),
        ("officer", olga()),
        ("admin", person("ada", &[DeskRole::Administrator], None)),
        ("council", person("cora", &[DeskRole::Council], None)),
        ("owner", Person::owner("root")),
    ]
}

/// What each may do; `no`: it is refused; `-`: what it is about does not exist for them.
const GRID: &str = "
                  agent     other     reviewer  handler   officer   admin     council   owner
next call         no        no        yes       no        no        no        no        yes
review            no        -         yes       -         no        -         -         yes
private call      yes       -         yes       -         no        -         -         yes
propose training  no        -         yes       -         no        -         -         yes
evaluation        no        no        yes       no        no        no        no        yes
agent left        no        no        yes       no        no        yes       no        yes
reply             yes       -         no        -         no        -         -         yes
object            yes       -         no        -         no        -         -         yes
decide            -         -         -         -         yes       -         -         yes
open case         yes       -         -         yes       no        -         -         yes
attach            no        -         -         yes       no        -         -         yes
close case        no        no        no        yes       yes       no        no        yes
reopen case       no        no        no        yes       no        no        no        yes
still needed      no        no        no        yes       yes       no        no        yes
dismiss           no        -         -         yes       no        -         -         yes
hold              no        -         -         no        yes       -         -         yes
release           no        -         no        no        yes       -         -         yes
play              yes       -         -         yes       yes       -         -         yes
set roles         no        no        no        no        no        yes       no        yes
password          no        no        no        no        no        yes       no        yes
token             no        no        no        no        no        yes       no        yes
";

fn who_may_do_what_stands_in_the_grid_and_each_deed_has_one_row_in_the_ledger_refused_or_not() {
    let scene = Scene::new();
    let written = scene.closed.words().len();
    let people = people();
    let line = |name: &str, cells: Vec<&str>| {
        let cells: String = cells.iter().map(|cell| format!("{cell:<10}")).collect();
        format!("{name:<18}{cells}").trim_end().to_owned() + "\n"
    };
    let mut grid = String::from("\n") + &line("", people.iter().map(|(name, _)| *name).collect());
    for (name, deed) in DEEDS {
        let mut cells = Vec::new();
        for (of, who) in &people {
            let copy = scene.closed.copy();
            let (cell, rows) = match deed(&scene, &copy.desk, who) {
                Ok(()) => ("yes", 1),
                Err(NotDone::NotAllowed(_)) => ("no", 1),
                Err(NotDone::Unknown) => ("-", 0),
                Err(other) => panic!("{name} by {of}: {other}"),
            };
            assert_eq!(copy.words().len() - written, rows, "rows of {name} by {of}");
            cells.push(cell);
        }
        grid += &line(name, cells);
    }
    assert_eq!(grid, GRID, "{grid}");
}
