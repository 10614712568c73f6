//! What a player needs, on the catalog of a home.

use jiff::Timestamp;
use retrocall_words::book::{LegStretch, Marks, RecordingState, Silence};

use super::{
    super::{
        DeskRole, NotDone, Person, Turn,
        listen::{Listening, Sound, SoundFile},
    },
    Answer, HomeDesk,
    reviews::at_hand,
    teaching::audible,
    too_late, unreadable,
};
use crate::{
    Life,
    rows::{self, Connection},
};

const REVIEWER: &[DeskRole] = &[DeskRole::Reviewer];
const BEING_WRITTEN: NotDone =
    NotDone::Conflict("the recording is still being written: play it when its call has ended");

impl Listening for HomeDesk {
    fn sound(&self, who: &Person, id: &str, now: Timestamp) -> Result<Sound, NotDone> {
        self.is_open()?;
        let mut sound = self.ask(false, async |rows| {
            let found = audible(rows, who, id, now).await?.ok_or(NotDone::Unknown)?;
            if found.life == Life::Delivered {
                return Err(too_late(found.life).into());
            }
            sound(rows, id).await
        })?;
        if let Some(home) = self.address.home() {
            for part in &mut sound.parts {
                if let SoundFile::OnDisk(path) = part {
                    *path = home.join(&*path);
                }
            }
        }
        Ok(sound)
    }

    fn at_hand(&self, who: &Person, now: Timestamp) -> Result<Option<Turn>, NotDone> {
        if !who.is(DeskRole::Reviewer) {
            return Err(NotDone::NotAllowed(REVIEWER));
        }
        let author = who.on_behalf_of.as_ref().unwrap_or(&who.name);
        // Without a catalog nothing was handed out.
        match self.ask(false, async |rows| at_hand(rows, author, now).await) {
            Err(NotDone::Unknown) => Ok(None),
            found => found,
        }
    }
}

/// The files of a recording in the store of a centre. None: it lies on this home's disk.
async fn in_store(rows: &mut Connection, id: &str) -> Answer<Vec<SoundFile>> {
    let select = rows::query_as::<(i64, String, i64)>(
        "SELECT file, place, bytes FROM objects WHERE recording = $1 ORDER BY file, part",
    );
    let mut files: Vec<Vec<(String, u64)>> = Vec::new();
    let mut last = 0;
    for (file, place, bytes) in select.bind(id).fetch_all(rows).await? {
        if file != last {
            files.push(Vec::new());
            last = file;
        }
        if let Some(parts) = files.last_mut() {
            parts.push((place, u64::try_from(bytes).unwrap_or(0)));
        }
    }
    Ok(files.into_iter().map(SoundFile::InStore).collect())
}

async fn sound(rows: &mut Connection, id: &str) -> Answer<Sound> {
    let row = rows::query(include_str!("../../sql/desk/sound.sql")).bind(id).fetch_one(&mut *rows).await?;
    if row.try_get::<&str, _>("state")? == RecordingState::Committing.as_str() {
        return Err(BEING_WRITTEN.into());
    }
    let mut parts = in_store(rows, id).await?;
    if parts.is_empty() {
        for part in rows::query(include_str!("../../sql/desk/parts.sql")).bind(id).fetch_all(rows).await? {
            parts.push(SoundFile::OnDisk(part.try_get::<String, _>("path")?.into()));
        }
    }
    if parts.is_empty() {
        parts.push(SoundFile::OnDisk(row.try_get::<String, _>("path")?.into()));
    }
    // An older engine wrote less of them.
    let marks: Marks = serde_json::from_str(row.try_get("marks")?).unwrap_or_default();
    let first_seconds: f64 = row.try_get("first_seconds")?;
    let seconds = row.try_get::<Option<f64>, _>("seconds")?.unwrap_or(0.0);
    let here = |at: f64| (at - first_seconds).clamp(0.0, seconds);
    let of_leg = |stretch: LegStretch| LegStretch {
        from_seconds: here(stretch.from_seconds),
        to_seconds: here(stretch.to_seconds),
        ..stretch
    };
    let silence = |stretch: Silence| Silence {
        from_seconds: here(stretch.from_seconds),
        to_seconds: here(stretch.to_seconds),
        ..stretch
    };
    let rate: i64 = row.try_get("rate")?;
    Ok(Sound {
        parts,
        rate: u64::try_from(rate).map_err(|_| unreadable("rate"))?,
        seconds,
        first_seconds,
        gaps: marks.gaps.into_iter().map(of_leg).collect(),
        masks: marks.masks.into_iter().map(silence).collect(),
        lost: marks.lost.into_iter().map(of_leg).collect(),
        presses: marks.record.into_iter().map(|(at, _)| here(at)).collect(),
    })
}
