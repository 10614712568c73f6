//! Who may do what: every deed by every role, each on a home of its own, as one grid. A change of rights is a line that changes here.

use super::*;
use crate::desk::{
    Completion, Disclosure, Disclosures as _, Erasures as _, Logins as _, NewHold, NewPurpose, NewToken,
    Proposals as _, Requests as _, Subject, Teaching as _, Use, UseKind,
};

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
    /// A request for a copy of what was pressed.
    access: String,
    /// One in which it is confirmed.
    answerable: String,
    /// A request for its erasure, which waits for the officer.
    erasure: String,
    /// Another purpose of what was pressed, proposed by somebody who does nothing else.
    purpose: String,
    /// One that is approved.
    decided: String,
    /// Teaching material with its agent's yes.
    teaching: String,
    /// Some that is approved.
    taught: String,
}

impl Scene {
    fn new() -> Scene {
        let closed = Closed::with(6);
        let (desk, owner, both) = (&closed.desk, Person::owner("root"), closed.both());
        let alone: Vec<String> = closed.sampled.iter().filter(|id| **id != both).cloned().collect();
        for noted in [0, 1, 3, 4].map(|number: usize| &alone[number]) {
            desk.review(&owner, noted, &moment("asks twice"), hour(0)).unwrap();
        }
        desk.reply(&owner, &alone[1], ReplyKind::Objection, "not mine", hour(1)).unwrap();
        let shut = desk.open_case(&owner, &both, hour(1)).unwrap();
        desk.close_case(&owner, &shut, "settled", None, hour(2)).unwrap();
        let open = desk.open_case(&owner, &both, hour(1)).unwrap();
        let hold = desk.hold(&owner, &both, &new_hold(), hour(2)).unwrap();
        for name in ["tim", "tina"] {
            let user = User { name: name.into(), roles: [DeskRole::Reviewer].into(), agent: None, since: hour(2) };
            desk.add_user(&owner, &user).unwrap();
        }
        let anna_asks = Subject::Agent("anna".into());
        let access = desk.open_request(&owner, &anna_asks, day_of(hour(2)), hour(2)).unwrap().request;
        let carla_asks = Subject::Agent("carla".into());
        let answerable = desk.open_request(&owner, &carla_asks, day_of(hour(2)), hour(2));
        let answerable = answerable.unwrap().request;
        desk.confirm(&owner, &answerable, &closed.pressed, "called back", hour(2)).unwrap();
        let pressed = Subject::Recording(closed.pressed.clone());
        let erasure = desk.erase(&anna(), &pressed, "asked", None, day_of(hour(2)), hour(2)).unwrap().request;
        let bo = person("bo", &[DeskRole::CaseHandler], None);
        let purpose = desk.propose_purpose(&bo, &closed.pressed, &new_purpose(), hour(2)).unwrap();
        let decided = desk.propose_purpose(&bo, &closed.pressed, &new_purpose(), hour(2)).unwrap();
        let whole = Completion { compatibility: Some("the same".into()), informed_on: Some(day_of(hour(0))) };
        desk.approve(&olga(), &decided, &whole, hour(2)).unwrap();
        let bo = person("bo", &[DeskRole::Reviewer], None);
        let teaching = desk.propose_training(&bo, &alone[3], "calm", hour(2)).unwrap();
        desk.approve(&anna(), &teaching, &Completion::default(), hour(2)).unwrap();
        let heard = Use { kind: UseKind::Play, why: "to listen".into(), of: None };
        for listener in [&hanna(), &olga(), &owner] {
            desk.used(listener, &alone[3], &heard, hour(2)).unwrap();
        }
        let taught = alone[4].clone();
        desk.propose_training(&bo, &taught, "calm", hour(2)).unwrap();
        desk.approve(&anna(), &taught, &Completion::default(), hour(2)).unwrap();
        desk.used(&olga(), &taught, &heard, hour(2)).unwrap();
        desk.approve(&olga(), &taught, &Completion::default(), hour(2)).unwrap();
        desk.name_trainee(&olga(), &taught, "tina", hour(2)).unwrap();
        let [noted, disputed, fresh] = [0, 1, 2].map(|number: usize| alone[number].clone());
        Scene {
            closed,
            fresh,
            noted,
            disputed,
            open,
            shut,
            hold,
            access,
            answerable,
            erasure,
            purpose,
            decided,
            teaching,
            taught,
        }
    }
}

fn new_hold() -> NewHold {
    let review_on = day_of(hour(24 * 90));
    NewHold { reason: "claim".into(), owner: "olga".into(), until: "the court has decided".into(), review_on }
}

fn new_purpose() -> NewPurpose {
    NewPurpose {
        purpose: "insurance-claim".into(),
        reason: "claim 4711".into(),
        basis: "legitimate interest".into(),
        until: "the insurer has decided".into(),
        review_on: day_of(hour(24 * 60)),
        compatibility: None,
        informed_on: None,
    }
}

type Deed = fn(&Scene, &HomeDesk, &Person) -> Did;

const DEEDS: [(&str, Deed); 40] = [
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
    ("ask for a copy", |_, desk, who| {
        desk.open_request(who, &Subject::Agent("anna".into()), day_of(hour(3)), hour(3)).map(drop)
    }),
    ("confirm", |scene, desk, who| desk.confirm(who, &scene.access, &scene.closed.pressed, "called back", hour(3))),
    ("exclude", |scene, desk, who| desk.exclude(who, &scene.access, &scene.closed.pressed, "no", hour(3))),
    ("extend", |scene, desk, who| desk.extend(who, &scene.access, "much to do", hour(3))),
    ("refuse", |scene, desk, who| desk.refuse(who, &scene.access, "the third one", hour(3))),
    ("answered", |scene, desk, who| desk.answered(who, &scene.answerable, hour(3)).map(drop)),
    ("export", |scene, desk, who| desk.exporting(who, &scene.answerable, "/out", hour(3)).map(drop)),
    ("erase", |_, desk, who| {
        let nobody = Subject::Agent("nobody".into());
        desk.erase(who, &nobody, "asked", None, day_of(hour(3)), hour(3)).map(drop)
    }),
    ("grant erasure", |scene, desk, who| desk.grant_erasure(who, &scene.erasure, None, None, hour(3)).map(drop)),
    ("refuse erasure", |scene, desk, who| desk.refuse_erasure(who, &scene.erasure, None, "a claim", hour(3)).map(drop)),
    // Who may remember an objection stands with its rule (D7): its key lies in a home, and a server has none.
    ("disclose", |scene, desk, who| {
        let how = Disclosure { to: "police".into(), ground: "126nd".into(), reference: "PL1300".into() };
        desk.disclose(who, &scene.closed.pressed, &how, hour(3)).map(drop)
    }),
    ("propose purpose", |scene, desk, who| {
        desk.propose_purpose(who, &scene.closed.pressed, &new_purpose(), hour(3)).map(drop)
    }),
    ("approve purpose", |scene, desk, who| {
        let informed_on = Some(day_of(hour(0)));
        let whole = Completion { compatibility: Some("the same matter".into()), informed_on };
        desk.approve(who, &scene.purpose, &whole, hour(3)).map(drop)
    }),
    ("refuse purpose", |scene, desk, who| desk.refuse_proposal(who, &scene.purpose, "no", hour(3))),
    ("end purpose", |scene, desk, who| desk.end_purpose(who, &scene.decided, "paid", hour(3))),
    ("approve teaching", |scene, desk, who| {
        desk.approve(who, &scene.teaching, &Completion::default(), hour(3)).map(drop)
    }),
    ("refuse teaching", |scene, desk, who| desk.refuse_proposal(who, &scene.teaching, "rather not", hour(3))),
    ("name trainee", |scene, desk, who| desk.name_trainee(who, &scene.taught, "tim", hour(3))),
    ("take trainee back", |scene, desk, who| desk.withdraw_trainee(who, &scene.taught, "tina", hour(3))),
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
ask for a copy    yes       yes       yes       yes       yes       yes       yes       yes
confirm           no        no        no        no        yes       no        no        yes
exclude           no        no        no        no        yes       no        no        yes
extend            no        no        no        no        yes       no        no        yes
refuse            no        no        no        no        yes       no        no        yes
answered          no        no        no        no        yes       no        no        yes
export            no        no        no        no        yes       no        no        yes
erase             yes       yes       yes       yes       yes       yes       yes       yes
grant erasure     no        no        no        no        yes       no        no        yes
refuse erasure    no        no        no        no        yes       no        no        yes
disclose          no        -         -         no        yes       -         -         yes
propose purpose   no        -         -         yes       yes       -         -         yes
approve purpose   no        -         -         no        yes       -         -         yes
refuse purpose    no        -         -         no        yes       -         -         yes
end purpose       no        -         -         no        yes       -         -         yes
approve teaching  no        -         yes       -         yes       -         -         yes
refuse teaching   yes       -         yes       -         yes       -         -         yes
name trainee      no        -         yes       -         yes       -         -         yes
take trainee back no        -         yes       -         yes       -         -         yes
set roles         no        no        no        no        no        yes       no        yes
password          no        no        no        no        no        yes       no        yes
token             no        no        no        no        no        yes       no        yes
";

/// Rows in the ledger of a deed that is done.
fn rows_of(deed: &str) -> usize {
    if ["export", "grant erasure", "refuse erasure"].contains(&deed) { 2 } else { 1 }
}

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
                // What it did to each of several recordings has a row too.
                Ok(()) => ("yes", rows_of(name)),
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
