//! Numbers of calls that are known from recordings alone: a kill took what was noted of the call, and its file says its number.
//!
//! Belongs here: finding them. Does not: registering recordings, which is the engine's recovery.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use crate::rows::{self, Connection};
use retrocall_file::{Item, RealDisk, label_of, survey};
use retrocall_words::{CallId, Place};

use super::text;

/// The calls, and the numbers that their files claim.
pub(super) type Claims = HashMap<CallId, Place>;

/// The claims of files whose calls have no number in the catalog.
pub(super) async fn find(rows: &mut Connection, home: &Path) -> Result<Claims, sqlx::Error> {
    let select = rows::query_scalar::<String>(
        "SELECT recordings.call FROM recordings JOIN calls ON calls.call = recordings.call WHERE calls.sequence IS NOT NULL
         UNION SELECT call FROM tombstones",
    );
    let known = select.fetch_all(rows).await?;
    let known: HashSet<CallId> = known.iter().filter_map(|call| text::parse(call)).collect();
    let mut claims = Claims::new();
    for item in survey(&RealDisk, &home.join("recordings")) {
        let (path, call) = match item {
            Item::Recording { path, call, part: 1 } | Item::Unfinished { path, call, part: 1 } => (path, call),
            _ => continue,
        };
        if known.contains(&call) {
            continue;
        }
        // The engine's recovery may be giving it its name at this moment.
        let label = label_of(&path).or_else(|| label_of(&other_name(&path)));
        claims.extend(label.filter(|label| label.call.id == call).and_then(|label| Some((call, label.place?))));
    }
    Ok(claims)
}

/// The published name of a file that has none yet, and the other way round.
fn other_name(path: &Path) -> PathBuf {
    if path.extension().is_some_and(|ending| ending == "part") {
        return path.with_extension("");
    }
    PathBuf::from(format!("{}.part", path.display()))
}
