//! Presses from afar, in the ledger of the site whose calls they meant.

use std::collections::BTreeSet;

use jiff::Timestamp;
use retrocall_ledger::DeedKind;
use retrocall_words::afar::Press;
use uuid::Uuid;

use super::{
    super::{NotDone, Person, PressesAfar},
    HomeDesk,
    act::{Act, Stop},
};

/// For the ledger: whoever pressed was told why.
const NOT_DONE: NotDone = NotDone::Conflict("it was not done");

impl PressesAfar for HomeDesk {
    fn note_press(&self, press: &Press, is_done: bool, now: Timestamp) -> Result<(), NotDone> {
        // An account of the centre: there is none of that name here, or somebody else's.
        let agent = Some(press.agent.clone());
        let who = Person { name: press.by.clone(), on_behalf_of: None, roles: BTreeSet::new(), agent };
        let matter = Uuid::parse_str(&press.call.to_string()).ok();
        let (text, agent) = (Some(press.does.as_str()), Some(press.agent.as_str()));
        let act = Act { matter, text, agent, ..Act::new(&who, DeedKind::PressedAfar) };
        let noted = self.act(act, now, async |_, _| if is_done { Ok(()) } else { Err(Stop::Refused(NOT_DONE)) });
        match noted {
            Err(NOT_DONE) => Ok(()),
            noted => noted,
        }
    }
}
