//! The sites of a centre, in its database.

use jiff::{SignedDuration, Timestamp};
use retrocall_ledger::DeedKind;

use super::{
    super::{
        DeskRole, NotDone, Person,
        sites::{NotAdmitted, NotEnrolled, SiteEntry, SiteNews, Sites},
        standing::Standing,
    },
    Answer, HomeDesk,
    act::{Act, Stop},
    maybe, parsed, word,
};
use crate::{
    beside, relay,
    rows::{self, Connection, Row},
    site_key::{Asked, Joining, Shown},
    text,
};

const ADMINISTRATOR: &[DeskRole] = &[DeskRole::Administrator];
const ANSWERABLE: &[DeskRole] = &[DeskRole::Administrator, DeskRole::PrivacyOfficer];
pub(super) const NO_SITE: NotDone = NotDone::Absent("there is no such site: `retrocall centre engines` shows them");
/// How long a code is good.
const CODE_TIME: SignedDuration = SignedDuration::from_mins(10);
/// Counters that are remembered. A request that is older than all of them comes from an old copy of the home: a network delays none so long.
const COUNTERS: i64 = 4_096;
/// Characters of a version.
const VERSION_CHARS_MAX: usize = 32;

/// What became of a request's counter.
enum Place {
    Taken,
    Repeated,
    Stands(Standing),
}

impl Sites for HomeDesk {
    fn new_code(&self, who: &Person, code: &str, now: Timestamp) -> Result<(), NotDone> {
        let hash = beside::digest(code.as_bytes());
        let act = Act { text: Some("code"), ..Act::new(who, DeedKind::SiteChanged) };
        self.act(act, now, async |rows, act| {
            act.needs(ADMINISTRATOR)?;
            let old = rows::query("DELETE FROM site_codes WHERE made_at < $1");
            old.bind(text::time(good_since(now))).execute(&mut *rows).await?;
            let insert = rows::query("INSERT INTO site_codes (hash, made_by, made_at) VALUES ($1, $2, $3)");
            insert.bind(&hash).bind(act.author()).bind(text::time(now)).execute(rows).await?;
            Ok(())
        })
    }

    fn enrol(&self, joining: &Joining, now: Timestamp) -> Result<String, NotEnrolled> {
        let site = joining.site().ok_or(NotEnrolled::Unsigned)?;
        let hash = beside::digest(joining.code.as_bytes());
        let found = self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let used = rows::query("DELETE FROM site_codes WHERE hash = $1 AND made_at >= $2 AND made_at <= $3")
                .bind(&hash)
                .bind(text::time(good_since(now)))
                .bind(text::time(now.saturating_add(CODE_TIME).unwrap_or(now)));
            if used.execute(&mut rows).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let upsert = rows::query(
                "INSERT INTO sites (site, public_key, joined_at, standing, standing_at, counter) VALUES ($1, $2, $3, $4, $3, 0)
                 ON CONFLICT (site) DO UPDATE SET public_key = excluded.public_key, joined_at = excluded.joined_at,
                     standing = excluded.standing, standing_at = excluded.standing_at, counter = 0",
            );
            let upsert = upsert.bind(site.as_str()).bind(&joining.key).bind(text::time(now));
            upsert.bind(Standing::Enrolled.as_str()).execute(&mut rows).await?;
            // They were another key's.
            let forget = rows::query("DELETE FROM site_counters WHERE site = $1");
            forget.bind(site.as_str()).execute(&mut rows).await?;
            relay::tell_of_site(&mut rows, site.as_str()).await?;
            rows.commit().await?;
            Ok(true)
        });
        if found? { Ok(site.to_string()) } else { Err(NotEnrolled::Code) }
    }

    fn sites(&self, who: &Person) -> Result<Vec<SiteEntry>, NotDone> {
        if !ANSWERABLE.iter().any(|role| who.is(*role)) {
            return Err(NotDone::NotAllowed(ANSWERABLE));
        }
        let found = self.ask(false, async |rows| {
            let select = rows::query(
                "SELECT site, standing, standing_at, version, heard_at, backlog, refused,
                        (SELECT COUNT(*) FROM recordings JOIN calls ON calls.call = recordings.call
                         WHERE calls.site = sites.site AND life IN ('kept', 'restricted')) AS kept,
                        (SELECT COUNT(*) FROM orders LEFT JOIN requests ON requests.id = orders.request
                         WHERE (orders.request IS NULL OR requests.id IS NOT NULL AND requests.answered_at IS NULL)
                           AND NOT EXISTS (SELECT 1 FROM order_sites
                                           WHERE order_sites.number = orders.number AND order_sites.site = sites.site)) AS orders
                 FROM sites ORDER BY site",
            );
            select.fetch_all(rows).await?.iter().map(entry).collect()
        });
        if found == Err(NotDone::Unknown) { Ok(Vec::new()) } else { found }
    }

    fn withdraw(&self, who: &Person, site: &str, now: Timestamp) -> Result<(), NotDone> {
        let text = format!("withdrawn {site}");
        let act = Act { text: Some(&text), ..Act::new(who, DeedKind::SiteChanged) };
        self.act(act, now, async |rows, act| {
            act.needs(ADMINISTRATOR)?;
            let update = rows::query("UPDATE sites SET standing = $2, standing_at = $3 WHERE site = $1");
            let update = update.bind(site).bind(Standing::Withdrawn.as_str()).bind(text::time(now));
            match update.execute(&mut *rows).await?.rows_affected() {
                0 => Err(Stop::Absent(NO_SITE)),
                _ => Ok(relay::tell_of_site(rows, site).await?),
            }
        })
    }

    fn admit(&self, asked: &Asked<'_>, shown: &Shown, now: Timestamp) -> Result<(), NotAdmitted> {
        // Who can't sign for a site changes nothing of it.
        let public = self.key_of_site(&shown.site)?.ok_or(NotAdmitted::Unknown)?;
        if !asked.is_signed_by(&public, shown) {
            return Err(NotAdmitted::Unknown);
        }
        let counter = i64::try_from(shown.counter).map_err(|_| NotAdmitted::Unknown)?;
        let digest = asked.digest(shown);
        let place = self.ask(true, async |connection| {
            let mut rows = connection.begin_writing().await?;
            let place = place(&mut rows, (&shown.site, &public), (counter, &digest), now).await?;
            rows.commit().await?;
            Ok(place)
        })?;
        match place {
            Some(Place::Taken) => Ok(()),
            Some(Place::Repeated) => Err(NotAdmitted::Repeated),
            Some(Place::Stands(standing)) => Err(NotAdmitted::Standing(standing)),
            None => Err(NotAdmitted::Unknown),
        }
    }

    fn note_site(&self, site: &str, news: &SiteNews, now: Timestamp) -> Result<(), NotDone> {
        let version: String = news.version.chars().filter(char::is_ascii_graphic).take(VERSION_CHARS_MAX).collect();
        self.ask(true, async |rows| {
            let update =
                rows::query("UPDATE sites SET version = $2, heard_at = $3, backlog = $4, refused = $5 WHERE site = $1");
            let update = update.bind(site).bind(&version).bind(text::time(now)).bind(text::count(news.backlog));
            update.bind(text::count(news.refused)).execute(rows).await?;
            Ok(())
        })
    }

    fn standing(&self, site: &str) -> Result<Option<Standing>, NotDone> {
        let found = self.ask(false, async |rows| {
            let select = rows::query("SELECT standing FROM sites WHERE site = $1").bind(site);
            let row = select.fetch_optional(rows).await?;
            row.map(|row| word(&row, "standing")).transpose()
        });
        if found == Err(NotDone::Unknown) { Ok(None) } else { found }
    }

    fn key_of_site(&self, site: &str) -> Result<Option<String>, NotDone> {
        let found = self.ask(false, async |rows| {
            let select = rows::query_scalar::<String>("SELECT public_key FROM sites WHERE site = $1");
            Ok(select.bind(site).fetch_optional(rows).await?)
        });
        if found == Err(NotDone::Unknown) { Ok(None) } else { found }
    }
}

/// When the oldest code that is good was made.
fn good_since(now: Timestamp) -> Timestamp {
    now.saturating_sub(CODE_TIME).unwrap_or(now)
}

fn entry(row: &Row) -> Answer<SiteEntry> {
    let count = |column: &str| -> Answer<u64> { Ok(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0)) };
    let version: String = row.try_get("version")?;
    Ok(SiteEntry {
        site: row.try_get("site")?,
        standing: word(row, "standing")?,
        since: parsed(row, "standing_at")?,
        version: Some(version).filter(|version| !version.is_empty()),
        last_word: maybe(row, "heard_at")?,
        backlog: count("backlog")?,
        refused: count("refused")?,
        kept: count("kept")?,
        orders: count("orders")?,
    })
}

/// Takes a place for a request that was signed by this key, or says why there is none for it. None: the site has another key by now.
async fn place(
    rows: &mut Connection,
    (site, public): (&str, &str),
    (counter, digest): (i64, &str),
    now: Timestamp,
) -> Answer<Option<Place>> {
    let select = rows::query("SELECT standing, counter FROM sites WHERE site = $1 AND public_key = $2");
    let Some(row) = select.bind(site).bind(public).fetch_optional(&mut *rows).await? else { return Ok(None) };
    let (standing, last): (Standing, i64) = (word(&row, "standing")?, row.try_get("counter")?);
    if standing != Standing::Enrolled {
        return Ok(Some(Place::Stands(standing)));
    }
    if counter > last {
        let update = rows::query("UPDATE sites SET counter = $2, heard_at = $3 WHERE site = $1");
        update.bind(site).bind(counter).bind(text::time(now)).execute(&mut *rows).await?;
        let insert = rows::query("INSERT INTO site_counters (site, counter, digest) VALUES ($1, $2, $3)");
        insert.bind(site).bind(counter).bind(digest).execute(&mut *rows).await?;
        let old = rows::query("DELETE FROM site_counters WHERE site = $1 AND counter <= $2");
        old.bind(site).bind(counter - COUNTERS).execute(rows).await?;
        return Ok(Some(Place::Taken));
    }
    let select = rows::query_scalar::<String>("SELECT digest FROM site_counters WHERE site = $1 AND counter = $2");
    let known = select.bind(site).bind(counter).fetch_optional(&mut *rows).await?;
    // One that never came before was only slow, if it is not too old for that.
    let is_copy = known.map_or(counter <= last - COUNTERS, |known| known != digest);
    if is_copy {
        let update = rows::query("UPDATE sites SET standing = $2, standing_at = $3 WHERE site = $1");
        let update = update.bind(site).bind(Standing::Quarantined.as_str()).bind(text::time(now));
        update.execute(&mut *rows).await?;
        relay::tell_of_site(rows, site).await?;
        tracing::error!(site, "two homes use the key of this site: it is quarantined until it joins anew");
        return Ok(Some(Place::Stands(Standing::Quarantined)));
    }
    Ok(Some(Place::Repeated))
}
