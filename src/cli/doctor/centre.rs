//! Checks of a centre: its database, and a store that keeps nothing of what is deleted.

use super::Check;
use retrocall_records::{Server, desk::HomeDesk};
use retrocall_settings::Settings;
use retrocall_store::{Address, Keeping, Store};

/// Of no centre there is nothing to check.
pub(super) fn checks(settings: &Settings) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(database) = &settings.database {
        checks.push(database_check(database.as_str()));
    }
    if let Some(store) = &settings.store {
        checks.push(match settings.database {
            None => Check::fail(
                "store",
                "`store` is set and `database` is not: a centre has its records on a server",
                "name one in retrocall.toml: database = \"postgres://USER@HOST/DATABASE\"",
            ),
            Some(_) => store_check(store.as_str()),
        });
    }
    checks
}

fn database_check(address: &str) -> Check {
    let found = Server::at(address).map_err(|trouble| trouble.to_string());
    let asked = found.and_then(|server| {
        HomeDesk::at(retrocall_records::Address::Server(server)).hold_open().map(drop).or_else(|why| match why {
            // The pages make the tables when they start.
            retrocall_records::desk::NotDone::Unknown => Ok(()),
            why => Err(why.to_string()),
        })
    });
    match asked {
        Ok(()) => Check::ok("database", "the server answers"),
        Err(why) => Check::fail("database", why, "set `database` in retrocall.toml right, or start the server"),
    }
}

fn store_check(address: &str) -> Check {
    let todo = "set `store` and the environment (AWS_…) right: docs/many-machines.md";
    let asked = address.parse::<Address>().map_err(|error| error.to_string()).and_then(|address| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async { Store::open(&address)?.keeping().await.map_err(|error| error.to_string()) })
    });
    match asked {
        Ok(Keeping { versions: false, locks: false }) => {
            Check::ok("store", format!("{address}: what is deleted there is gone"))
        }
        Ok(Keeping { locks: true, .. }) => Check::fail(
            "store",
            format!("{address} locks objects: what is to be deleted would stay"),
            "make a bucket without object lock: it can't be taken off one",
        ),
        Ok(Keeping { versions: true, .. }) => Check::fail(
            "store",
            format!("{address} keeps versions, or has kept them: what is deleted would stay as an old one"),
            "make a bucket that never kept versions",
        ),
        Err(why) => Check::fail("store", why, todo),
    }
}
