//! What an overview does not know: sources that do not answer, and those that nobody connected.

use crate::{
    app::{App, Known},
    cli::headless::{Headless, Unheard, word},
    domain::{FeedKind, SourceId},
    text::Clean,
};
use serde_json::{Value, json};

/// Something that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Whose it would be; none where there is nobody.
    pub source: Option<SourceId>,
    /// What it would tell; nothing where that is not known either.
    pub feeds: Vec<&'static str>,
    /// Why it is not known.
    pub why: Clean,
    /// Whether somebody was asked for it: then nothing is well for sure.
    pub troubled: bool,
}

impl Missing {
    /// A line of it.
    pub fn words(&self) -> Clean {
        let feeds = self.feeds.join(", ");
        match &self.source {
            Some(source) if self.feeds.is_empty() => crate::clean!("source {source}: {}", self.why),
            Some(source) => crate::clean!("source {source} ({feeds}): {}", self.why),
            None => crate::clean!("source –: {}", self.why),
        }
    }

    /// The same as JSON.
    pub fn shape(&self) -> Value {
        json!({ "source": self.source.as_ref().map(SourceId::as_str), "feeds": self.feeds, "why": self.why })
    }
}

/// What nobody tells where no source is connected that could, and what to write for one.
const NOBODY: [(FeedKind, &str); 4] = [
    (FeedKind::Workloads, "no cluster and no engine is connected: what runs is not known"),
    (FeedKind::Alerts, "no source of alerts is connected: whether one fires is not known; [[source]] kind = \"alertmanager\" names one"),
    (FeedKind::Samples, "no source of metrics is connected: errors and latency are not known; [[source]] kind = \"prometheus\" names one"),
    (
        FeedKind::Runs,
        "no CI is connected: runs are not known; [[source]] kind = \"github\" or \"gitlab\" names projects, kind = \"jenkins\" a controller, \"tekton\" a cluster, \"http\" any other",
    ),
];

/// Everything that is not known. The same trouble of one source is named once.
pub fn missing(headless: &Headless) -> Vec<Missing> {
    let mut found = grouped(&headless.unheard());
    found.extend(headless.partly().map(|(id, words)| Missing { source: Some(id.clone()), feeds: vec!["workloads"], why: words.clone(), troubled: false }));
    found.extend(nobody(&headless.app));
    found.extend(headless.app.sources.iter().filter_map(|(id, known)| match known {
        Ok(Known::Listed(words)) => {
            Some(Missing { source: Some(id.clone()), feeds: Vec::new(), why: crate::clean!("not connected: {words}"), troubled: false })
        }
        Ok(Known::Absent(words)) => Some(Missing { source: Some(id.clone()), feeds: Vec::new(), why: words.clone(), troubled: false }),
        Ok(Known::Sought) => Some(Missing { source: Some(id.clone()), feeds: Vec::new(), why: headless.sought(id), troubled: false }),
        Ok(Known::Ready(_)) | Err(_) => None,
    }));
    found
}

fn grouped(unheard: &[Unheard]) -> Vec<Missing> {
    let mut found: Vec<Missing> = Vec::new();
    for one in unheard {
        let feed = one.feed.map(word);
        match found.iter_mut().find(|known| known.source.as_ref() == Some(&one.source) && known.why == one.why) {
            Some(known) => known.feeds.extend(feed.filter(|feed| !known.feeds.contains(feed))),
            None => found.push(Missing { source: Some(one.source.clone()), feeds: feed.into_iter().collect(), why: one.why.clone(), troubled: true }),
        }
    }
    found
}

fn nobody(app: &App) -> impl Iterator<Item = Missing> {
    let offered = |kind: FeedKind| app.sources.values().any(|known| matches!(known, Ok(Known::Ready(offers)) if offers.feeds.contains(&kind)));
    let none = NOBODY.into_iter().filter(move |(kind, _)| !offered(*kind));
    none.map(|(kind, why)| Missing { source: None, feeds: vec![word(kind)], why: Clean::from_static(why), troubled: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Trouble;

    #[test]
    fn the_same_trouble_of_one_source_is_named_once_with_all_that_it_costs() {
        let one = |source: &str, feed, why: &'static str| Unheard {
            source: SourceId::new(source),
            feed: Some(feed),
            why: Clean::from_static(why),
            trouble: Some(Trouble::Unreachable),
        };
        let found = grouped(&[
            one("k/a", FeedKind::Workloads, "no answer"),
            one("k/a", FeedKind::Nodes, "no answer"),
            one("k/a", FeedKind::Pods, "forbidden"),
            one("k/a", FeedKind::Pods, "forbidden"),
            one("k/b", FeedKind::Workloads, "no answer"),
        ]);
        let words: Vec<String> = found.iter().map(|one| one.words().to_string()).collect();
        assert_eq!(words, ["source k/a (workloads, nodes): no answer", "source k/a (pods): forbidden", "source k/b (workloads): no answer"]);
    }
}
