//! What is known beside a catalog is held against it, once for each one that is put there: tombstones, how far the ledger had come, a restore, and
//! numbers that only recordings know.
//!
//! Belongs here: that. Does not: holes in the numbers (`write`), the steps of a restore (`backup`).

use std::io;

use retrocall_ledger::{Deed, DeedKind, Skipping};
use retrocall_words::book::Skipped;

use super::{
    super::{
        Trouble, claims, graves, holds,
        ledger::{Scribe, item},
        milestone,
        restoring::{self, Takeover},
        sweep::{HomeFiles, Tombstone},
        write,
    },
    Worker,
};

impl Worker {
    /// A catalog that this run has not seen. Returns what a restore left to be taken up.
    pub(super) async fn meet_catalog(&mut self) -> Result<Option<Takeover>, Trouble> {
        let files = HomeFiles::of(&self.home);
        let stones = files.tombstones().map_err(|error| Trouble::unusable(&files.tombstones_path(), &error))?;
        let mark = restoring::path(&self.home);
        let takeover = restoring::to_take_up(&self.home).map_err(|error| Trouble::unusable(&mark, &error))?;
        self.compare_with_milestone(takeover.is_some()).await?;
        if !milestone::is_closed(&self.home) {
            holds::make_if_none(&self.home).map_err(|error| Trouble::unusable(&holds::path(&self.home), &error))?;
        }
        self.bury(&stones).await?;
        if let Some(connection) = &mut self.connection {
            let claims = claims::find(connection, &self.home).await;
            self.claims = claims.map_err(|error| Trouble::of(&self.path, &error))?;
        }
        Ok(takeover)
    }

    /// An older catalog in the place of a newer one closes the home: what was deleted since may be in it.
    async fn compare_with_milestone(&mut self, is_restored: bool) -> Result<(), Trouble> {
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(()) };
        let path = milestone::path(&self.home);
        let known = milestone::load(&self.home).map_err(|error| Trouble::unusable(&path, &error))?;
        let Some(known) = known.filter(|known| known.site == author.site.as_str()) else { return Ok(()) };
        if is_restored || milestone::is_closed(&self.home) {
            return Ok(());
        }
        let lacks = milestone::lacks(connection, &known.site, &known.last).await;
        if lacks.map_err(|error| Trouble::of(&self.path, &error))? {
            milestone::close(&self.home)
                .map_err(|error| Trouble::unusable(&milestone::closed_path(&self.home), &error))?;
            tracing::error!(
                path = %self.path.display(), segment = known.last.month, row = known.last.row,
                "this catalog is older than its ledger was, or another one: recordings that were deleted may be in it. Calls are captured; \
                 nothing is played or deleted until it is reconciled: stop the engine and type `retrocall restore FILE --tombstones FILE --holds FILE`"
            );
        }
        Ok(())
    }

    /// Ends the rows of what is known to be gone.
    async fn bury(&mut self, stones: &[Tombstone]) -> Result<(), Trouble> {
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(()) };
        if stones.is_empty() {
            return Ok(());
        }
        let now = self.watch.now();
        let mut scribe = Scribe::new(author, &self.lottery, self.told, now);
        let buried = async {
            let mut rows = connection.begin_writing().await?;
            for recording in graves::bury(&mut rows, stones, now).await? {
                tracing::warn!(recording, "it was deleted, and the catalog did not know: it is gone again");
                let entry = Deed { recording: item(&recording), ..Deed::done(DeedKind::Deleted) };
                scribe.deed(&mut rows, |_| entry).await?;
            }
            let told = scribe.finish(&mut rows).await?;
            rows.commit().await?;
            Ok(told)
        };
        self.told = buried.await.map_err(|error| Trouble::of(&self.path, &error))?;
        Ok(())
    }

    /// Writes in the ledger that the catalog was restored, and what went by it.
    pub(super) async fn take_up(&mut self, takeover: &Takeover) -> Result<(), Trouble> {
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(()) };
        let mut scribe = Scribe::new(author, &self.lottery, self.told, self.watch.now());
        let told = async {
            let mut rows = connection.begin_writing().await?;
            let restored = scribe.deed(&mut rows, |key| Deed {
                by: Some(key.pseudonym(&takeover.by)),
                ..Deed::done(DeedKind::Restored)
            });
            restored.await?;
            for recording in &takeover.gone {
                let entry = Deed { recording: item(recording), ..Deed::done(DeedKind::Deleted) };
                scribe.deed(&mut rows, |_| entry).await?;
            }
            for held in &takeover.held {
                scribe.deed(&mut rows, |_| held.row()).await?;
            }
            for redone in &takeover.redone {
                scribe.deed(&mut rows, |_| redone.row()).await?;
            }
            let told = scribe.finish(&mut rows).await?;
            rows.commit().await?;
            Ok(told)
        };
        self.told = told.await.map_err(|error| Trouble::of(&self.path, &error))?;
        // A cut before this writes the rows once more: that is no harm.
        restoring::taken_up(&self.home).map_err(|error| Trouble::unusable(&restoring::path(&self.home), &error))?;
        tracing::warn!(gone = takeover.gone.len(), held = takeover.held.len(), restored_at = %takeover.at, "the catalog was restored from a backup");
        Ok(())
    }

    /// Remembers how far the ledger has come, so that an older catalog is noticed. Not while one is in its place.
    pub(super) async fn remember_milestone(&mut self) {
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return };
        if milestone::is_closed(&self.home) || restoring::is_to_be_taken_up(&self.home) {
            return;
        }
        let stored = match milestone::reached(connection, &author.site).await {
            Ok(Some(reached)) if self.milestone.as_ref() != Some(&reached) => {
                let stored = milestone::store(&self.home, &reached);
                self.milestone = Some(reached);
                stored
            }
            Ok(_) => Ok(()),
            Err(error) => Err(io::Error::other(error)),
        };
        if let Err(error) = stored {
            tracing::warn!("how far the ledger has come can't be noted beside the catalog: {error}");
        }
    }

    /// Recovery is over, and these recordings were not registered: their numbers have no call. False if there are none.
    pub(super) async fn give_up_claims(&mut self) -> Result<bool, Trouble> {
        let (Some(connection), Some(author)) = (&mut self.connection, &self.author) else { return Ok(false) };
        if self.claims.is_empty() {
            return Ok(false);
        }
        let now = self.watch.now();
        let scribe = Scribe::new(author, &self.lottery, self.told, now);
        let holes =
            self.claims.values().map(|place| Skipped { day: place.day, first: place.sequence, last: place.sequence });
        let named = write::name_holes(connection, holes, (scribe, now, Skipping::UncleanStart)).await;
        self.told = named.map_err(|error| Trouble::of(&self.path, &error))?;
        self.claims.clear();
        Ok(true)
    }
}
