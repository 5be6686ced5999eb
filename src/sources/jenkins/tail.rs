//! The last lines of a stage that failed: of the step that failed, where a plugin tells that, else of the console of its build.

use super::{
    api::{Api, Need, Way},
    keys, stages,
};
use crate::{
    clean,
    domain::{Id, Job, LogLine},
    sources::{
        SourceError,
        ci::{self, whole_lines},
        http::{Ask, HeaderMap, Opened},
    },
    text::Clean,
};
use bytes::Bytes;
use serde::Deserialize;

/// A console that is longer is read from so far before its end on.
const NEAR: u64 = 64 << 10;
/// What Jenkins writes into the console of a pipeline for each of its steps, and at the end of any.
const STEPS: &str = "[Pipeline] ";
const FINISHED: &str = "Finished: ";

/// What a step has said, as the Stage View plugin tells it: at most its last 10 KiB, as HTML (the plugin's own documentation).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    text: Option<String>,
}

/// The last lines of what `job` said.
pub(super) async fn tail(api: &Api, job: &Id<Job>) -> Result<Vec<Clean>, SourceError> {
    let none = || SourceError::NotFound(clean!("{} is not a job of Jenkins", job.as_str()));
    let ((path, number), stage) = (keys::of_job(job).ok_or_else(none)?, keys::stage_of(job).ok_or_else(none)?);
    let of_stage = if stage == keys::WHOLE { Vec::new() } else { of_stage(api, path, number, stage).await? };
    if of_stage.is_empty() { console(api, path, number).await } else { Ok(of_stage) }
}

/// What the step said that failed in a stage; nothing where no plugin tells.
async fn of_stage(api: &Api, path: &str, number: u64, stage: &str) -> Result<Vec<Clean>, SourceError> {
    let build = number.to_string();
    match api.way() {
        Way::StageView => {
            let Some(node) = stages::failed_node(api, path, number, stage).await? else { return Ok(Vec::new()) };
            let said: Said = api.find(path, Api::ask(path, &[&build, "execution", "node", &node, "wfapi", "log"])).await?.unwrap_or_default();
            Ok(told(plain(&said.text.unwrap_or_default()).as_bytes()))
        }
        Way::GraphView => match api.open(Need::List, Api::ask(path, &[&build, "stages", "log"]).with("nodeId", stage)).await? {
            Opened::Body { chunks, .. } => Ok(told(&ci::end_of(chunks).await?)),
            // Older versions have it elsewhere: the console has it too.
            Opened::Refused(_) => Ok(Vec::new()),
        },
        Way::Unknown | Way::Nothing => Ok(Vec::new()),
    }
}

/// The end of the console. How long that is, its first bytes tell; then it is asked for from near there.
async fn console(api: &Api, path: &str, number: u64) -> Result<Vec<Clean>, SourceError> {
    let from = |start: u64| Api::ask(path, &[&number.to_string(), "logText", "progressiveText"]).with("start", start.to_string());
    let (headers, chunks) = opened(api, path, from(0)).await?;
    match size(&headers).filter(|size| *size > 2 * NEAR) {
        None => Ok(told(&ci::end_of(chunks).await?)),
        Some(size) => {
            drop(chunks);
            let (_, chunks) = opened(api, path, from(size - NEAR)).await?;
            Ok(told(&whole_lines(&ci::end_of(chunks).await?)))
        }
    }
}

type Body = futures::stream::BoxStream<'static, Result<Bytes, SourceError>>;

async fn opened(api: &Api, path: &str, ask: Ask) -> Result<(HeaderMap, Body), SourceError> {
    match api.open(Need::List, ask).await? {
        Opened::Body { headers, chunks } => Ok((headers, chunks)),
        Opened::Refused(reply) if matches!(reply.status.as_u16(), 404 | 410) => Err(SourceError::NotFound("this build is gone, and its log with it".into())),
        Opened::Refused(reply) => Err(api.trouble(path, &reply)),
    }
}

fn size(headers: &HeaderMap) -> Option<u64> {
    headers.get(super::logs::SIZE)?.to_str().ok()?.parse().ok()
}

/// The last lines that are not Jenkins' own.
fn told(bytes: &[u8]) -> Vec<Clean> {
    let own = |line: &LogLine| !line.text.text.starts_with(STEPS) && !line.text.text.starts_with(FINISHED);
    ci::last(&ci::lines(bytes).into_iter().filter(own).collect::<Vec<_>>(), ci::LINES)
}

/// HTML without its tags and escapes. It may be cut in the middle of either.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    const ESCAPES: [(&str, &str); 6] = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#039;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    ESCAPES.iter().fold(text, |text, (escape, sign)| text.replace(escape, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_becomes_what_was_said() {
        assert_eq!(plain("gt;x &lt;b&gt; <span style=\"color: red\">a &amp;&amp; b</span> &#039;c&#39; &amp;lt; <a hr"), "gt;x <b> a && b 'c' &lt; ");
    }

    #[test]
    fn what_jenkins_says_of_its_steps_is_left_out() {
        let console = b"[Pipeline] sh\r\n+ make test\r\nFAIL price\r\n[Pipeline] }\r\n[Pipeline] End of Pipeline\r\nERROR: script returned exit code 1\r\nFinished: FAILURE\r\n";
        let said: Vec<String> = told(console).iter().map(Clean::to_string).collect();
        assert_eq!(said, ["+ make test", "FAIL price", "ERROR: script returned exit code 1"]);
    }
}
