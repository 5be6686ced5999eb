//! What pipelines are called: by their commits, or by the merge train that they are on.

use super::{
    super::{
        api::Api,
        meter::Need,
        wire::{WireCar, WirePipeline},
    },
    Watch,
};
use crate::{sources::refusal::Refusal, text::Clean};

/// How many titles of commits are remembered.
const TITLES: usize = 2_000;

impl Watch {
    /// What the commits are called: one request for the newest of all branches.
    pub(super) async fn titles(&mut self, at: usize, rows: &[WirePipeline]) -> Result<(), Refusal> {
        let list = &self.lists[at];
        if rows.iter().all(|row| row.commit().is_empty() || list.titles.contains_key(row.commit())) {
            return Ok(());
        }
        let read = self.api.titles(Need::List, list.name.raw(), None).await;
        let list = &mut self.lists[at];
        match read {
            Ok(titles) => list.titles.extend(titles),
            // Who may see pipelines need not see the code.
            Err(Refusal::Here(_)) => {}
            Err(everywhere) => return Err(everywhere),
        }
        // Those that are too old are not asked for again.
        for row in rows {
            list.titles.entry(row.commit().to_owned()).or_insert(Clean::EMPTY);
        }
        if list.titles.len() > TITLES {
            list.titles.retain(|commit, _| rows.iter().any(|row| row.commit() == commit));
        }
        Ok(())
    }

    /// What the trains are called on which merge requests wait for their turn. Not every GitLab has them.
    pub(super) async fn trains(&mut self, at: usize, rows: &[WirePipeline]) -> Result<(), Refusal> {
        let list = &self.lists[at];
        if list.trainless || !rows.iter().any(|row| row.on_train() && row.alive()) {
            return Ok(());
        }
        let ask = Api::ask(list.name.raw(), &["merge_trains"]).with("scope", "active").with("per_page", "100");
        let read = self.api.read::<Vec<WireCar>>(Need::List, list.name.raw(), ask).await;
        let list = &mut self.lists[at];
        match read {
            Ok((cars, _)) => {
                for (pipeline, words) in cars.iter().filter_map(WireCar::told) {
                    if let Some(row) = rows.iter().find(|row| row.id == pipeline) {
                        list.titles.insert(row.commit().to_owned(), words);
                    }
                }
            }
            Err(Refusal::Here(_)) => list.trainless = true,
            Err(everywhere) => return Err(everywhere),
        }
        Ok(())
    }
}
