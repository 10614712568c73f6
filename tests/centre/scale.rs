//! What one recording costs those who take part in its delivery, and what a site costs that has nothing to say: the units of `docs/scale.md`.
//!
//! Belongs here: measuring. Does not: multiplying, which that page does. Without `RETROCALL_SCALE` few short recordings are delivered, so that the
//! measuring itself is tried.

use std::{fs, thread, time::Duration};

use retrocall::words::{Clock as _, SystemClock};

use crate::{
    desk::{Desk, Line, Sound, wait_for},
    machines::{Centre, Link, wait_until_delivered},
};

/// The processor time of these processes so far.
fn spent(ids: &[u32]) -> Duration {
    let ticks = |id: &u32| -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
    };
    // What Linux calls a tick is a hundredth of a second.
    Duration::from_millis(10 * ids.iter().filter_map(ticks).sum::<u64>())
}

/// All processes of PostgreSQL: those of the test's server, if no other one runs here.
fn database_processes() -> Vec<u32> {
    let ids = fs::read_dir("/proc").expect("processes").flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "postgres"))
        .collect()
}

#[test]
fn what_a_delivery_and_an_idle_site_cost_is_measured() {
    let count = std::env::var("RETROCALL_SCALE").ok().and_then(|count| count.parse().ok());
    let (count, seconds, sites, rest): (u32, usize, u32, Duration) = match count {
        Some(count) => (count, 240, 20, Duration::from_secs(60)),
        None => (3, 1, 2, Duration::from_millis(200)),
    };
    let centre = Centre::start();
    let desk = Desk::open(&["--one-in", "0", "--memory", "64MiB"]);
    centre.join(&desk);
    let samples = seconds * 8_000;
    let sound = Sound::noise(8_000, samples, 1);
    for _ in 0..count {
        let mut line = Line::begin(&desk, "anna", 8_000);
        line.talk(&sound, 0, samples);
        line.settle();
        line.accepted(retrocall::protocol::Ask::Record);
        line.end_and_keep();
    }
    wait_for("their rows", || {
        let all = retrocall::catalog::recordings(desk.path()).expect("a catalog");
        let is_whole = |one: &retrocall::catalog::Recording| one.state == retrocall::catalog::RecordingState::Complete;
        (all.len() as u32 == count && all.iter().all(is_whole)).then_some(())
    });
    // They were said faster than anybody speaks, and would end minutes from now.
    desk.execute(
        "UPDATE recordings SET began_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-10 minutes'),
                               ends_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-5 minutes')",
    );
    let bytes: u64 = desk.audio_files().iter().map(|file| fs::metadata(file).expect("a file").len()).sum();
    let database_bytes = || centre.ask("pg_database_size(current_database())").parse::<u64>().expect("a number");
    let (bytes_before, began) = (database_bytes(), SystemClock.now());
    let link = Link::start(&desk);
    let who = |link: &Link| [vec![link.id()], vec![centre.pages.id()], database_processes()];
    let before = [Duration::ZERO, spent(&[centre.pages.id()]), spent(&database_processes())];
    wait_until_delivered(&desk);
    let took = SystemClock.since(began);
    let each = who(&link).map(|ids| spent(&ids));
    let each: Vec<Duration> =
        each.into_iter().zip(before).map(|(after, before)| after.saturating_sub(before) / count).collect();
    assert_eq!(centre.recordings().len() as u32, count);
    println!(
        "{count} recordings of {seconds} s, {} kB each: one takes {} ms, {:.1} MB/s; of processors {} ms of the link, {} ms of the centre, {} ms of its \
         database, which grew by {} kB for it",
        bytes / u64::from(count) / 1_000,
        (took / count).as_millis(),
        bytes as f64 / took.as_secs_f64() / 1e6,
        each[0].as_millis(),
        each[1].as_millis(),
        each[2].as_millis(),
        database_bytes().saturating_sub(bytes_before) / u64::from(count) / 1_000,
    );
    drop(link);

    sites_with_nothing_to_say(&centre, sites, rest);
}

/// What they cost as they run at a desk, not as tests are in a hurry.
fn sites_with_nothing_to_say(centre: &Centre, sites: u32, rest: Duration) {
    let homes: Vec<_> = (0..sites).map(|_| Desk::open(&["--one-in", "0"]).stop()).collect();
    homes.iter().for_each(|home| drop(centre.join(home)));
    let links: Vec<_> = homes.iter().map(Link::start_at_its_pace).collect();
    wait_for("all to be heard", || centre.sites().iter().skip(1).all(|one| !one["last_word"].is_null()).then_some(()));
    let all = || {
        [
            spent(&links.iter().map(Link::id).collect::<Vec<_>>()),
            spent(&[centre.pages.id()]),
            spent(&database_processes()),
        ]
    };
    let (before, began) = (all(), SystemClock.now());
    thread::sleep(rest);
    let took = SystemClock.since(began);
    let share = |number: usize| {
        (all()[number].saturating_sub(before[number])).as_secs_f64() / took.as_secs_f64() / f64::from(sites) * 1e3
    };
    println!(
        "{sites} sites with nothing to say: each takes {:.2} ms a second of its link's processor, {:.2} of the centre's, {:.2} of the database's",
        share(0),
        share(1),
        share(2)
    );
}
