//! The client of a collector: delivers reports and reads the estimates back.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use keepset_wire::document::Node;
use keepset_wire::seal::SEALED_TYPE;
use keepset_wire::{CONTENT_TYPE, CollectorKeys, Plan, PlanHash, SealingKeys};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use crate::tally::{QuestionResult, WindowResult};

/// The most reports a collector takes at once.
pub(crate) const MOST_REPORTS: usize = 4_096;

/// The same bytes are offered this often before a delivery counts as failed: 0.1 + 0.2 + ... + 3.2 s of waiting in all.
const ATTEMPTS: u32 = 7;
/// Connections that are kept open.
const MOST_CONNECTIONS: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A collector that answers for the same plan.
pub struct Collector {
    agent: Agent,
    base: String,
    /// None where it takes reports unsealed, as a simulation may.
    keys: Option<SealingKeys>,
    /// What shows who reads, where that is asked.
    token: Option<String>,
}

#[derive(Deserialize)]
struct ServedPlan {
    hash: String,
}

#[derive(Deserialize)]
struct Served {
    windows: Vec<ServedWindow>,
}

#[derive(Deserialize)]
struct ServedWindow {
    window: u32,
    questions: Vec<ServedQuestion>,
}

#[derive(Deserialize)]
struct ServedQuestion {
    id: String,
    reports: u64,
    figures: Vec<ServedFigure>,
}

#[derive(Deserialize)]
struct ServedFigure {
    measure: String,
    item: String,
    #[serde(default)]
    support: u64,
    estimate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    standard_error: Option<f64>,
    published: bool,
}

/// What became of one attempt to deliver.
enum Attempt {
    Done,
    /// Worth another attempt with the same bytes.
    Failed(String),
    /// The collector will never take these bytes.
    Refused(String),
}

impl Collector {
    /// Checks that a collector at `url` serves the plan with this hash, and asks it for its keys.
    ///
    /// # Errors
    /// When the address is not `http://`, nobody answers there, another plan is served, or what is no keys.
    pub fn connect(url: &str, plan: PlanHash) -> anyhow::Result<Self> {
        let collector = Self::of_any_plan(url, None)?;
        let served: ServedPlan = collector.get("/v1/plan")?;
        let hash = plan.to_string();
        ensure!(
            served.hash == hash,
            "the collector at {url} serves the plan {}, the pack has the plan {hash}: start it with the output of `keepset plan`",
            served.hash
        );
        Ok(collector)
    }

    /// Asks a collector at `url` for its keys, whatever its plan; `token` shows it who reads its estimates.
    ///
    /// # Errors
    /// When the address is not `http://`, nobody answers there, or what is no keys.
    pub fn of_any_plan(url: &str, token: Option<&str>) -> anyhow::Result<Self> {
        ensure!(
            url.starts_with("http://"),
            "{url} is not an http:// address; a replay talks to a collector nearby, without TLS"
        );
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .max_idle_connections_per_host(MOST_CONNECTIONS)
            .build();
        let (base, token) = (url.trim_end_matches('/').to_owned(), token.map(str::to_owned));
        let mut collector = Self { agent: config.into(), base, keys: None, token };
        collector.keys = collector.served_keys()?;
        Ok(collector)
    }

    /// Returns the plan it serves.
    ///
    /// # Errors
    /// When it does not answer, or with what is no plan.
    pub fn plan(&self) -> anyhow::Result<Plan> {
        let mut document: serde_json::Value = self.get("/v1/plan")?;
        // The hash stands beside the plan, and is computed here.
        document.as_object_mut().and_then(|members| members.remove("hash"));
        let plan = Plan::read(&Node::root(&document));
        plan.with_context(|| format!("the plan at {}/v1/plan is wrong", self.base))
    }

    /// Sends reports unsealed from now on, which a simulation takes.
    pub fn take_plain(&mut self) {
        self.keys = None;
    }

    fn served_keys(&self) -> anyhow::Result<Option<SealingKeys>> {
        let document: serde_json::Value = self.get("/v1/keys")?;
        if document["keys"].as_array().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let keys = CollectorKeys::read(&Node::root(&document));
        keys.map(|keys| Some(keys.reports))
            .with_context(|| format!("the keys at {}/v1/keys are wrong", self.base))
    }

    /// Returns the keys that reports are to be sealed to; none where it takes them unsealed.
    #[must_use]
    pub fn keys(&self) -> Option<&SealingKeys> {
        self.keys.as_ref()
    }

    /// Delivers reports, end to end; the same bytes again until they are taken.
    ///
    /// # Errors
    /// When the collector refuses them, or cannot be reached for some seconds.
    pub fn send(&self, reports: &[u8]) -> anyhow::Result<()> {
        let mut pause = FIRST_PAUSE;
        let mut last = String::new();
        for attempt in 1..=ATTEMPTS {
            match self.attempt(reports) {
                Attempt::Done => return Ok(()),
                Attempt::Refused(why) => bail!("the collector refused the reports: {why}"),
                Attempt::Failed(why) => last = why,
            }
            if attempt < ATTEMPTS {
                sleep(pause);
                pause *= 2;
            }
        }
        bail!("the reports could not be delivered in {ATTEMPTS} attempts: {last}")
    }

    /// Replaces what was estimated in this process by what the collector publishes.
    ///
    /// # Errors
    /// When the collector cannot be read, or lacks a window or segment that was reported.
    pub fn estimates(&self, results: &mut [WindowResult]) -> anyhow::Result<()> {
        let served: Served = self.get("/v1/estimates")?;
        for result in results {
            let window = served.windows.iter().find(|window| window.window == result.window);
            let window = window.with_context(|| format!("the collector has no window {}", result.window))?;
            for question in &mut result.questions {
                let served = window.questions.iter().find(|served| served.id == question.id);
                served
                    .with_context(|| format!("the collector has no question {}", question.id))?
                    .fill(question)?;
            }
        }
        Ok(())
    }

    fn attempt(&self, reports: &[u8]) -> Attempt {
        let url = format!("{}/v1/reports", self.base);
        let kind = if self.keys.is_some() { SEALED_TYPE } else { CONTENT_TYPE };
        let mut response = match self.agent.post(&url).header("content-type", kind).send(reports) {
            Ok(response) => response,
            Err(error) => return Attempt::Failed(error.to_string()),
        };
        let status = response.status().as_u16();
        if status == 200 {
            return Attempt::Done;
        }
        let body = response.body_mut().read_to_string().unwrap_or_default();
        let why = format!("status {status}, {}", body.trim());
        // 408 and 429 ask for patience; every other 4xx is final.
        let final_word = (400..500).contains(&status) && !matches!(status, 408 | 429);
        if final_word { Attempt::Refused(why) } else { Attempt::Failed(why) }
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        let mut request = self.agent.get(&url);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().with_context(|| format!("no collector answers at {url}"))?;
        let status = response.status().as_u16();
        ensure!(status == 200, "{url} answered with status {status}");
        let body = response.body_mut().read_to_string().with_context(|| format!("{url} broke off"))?;
        serde_json::from_str(&body).with_context(|| format!("{url} did not answer as a collector does"))
    }
}

impl ServedQuestion {
    fn fill(&self, question: &mut QuestionResult) -> anyhow::Result<()> {
        question.reports = self.reports;
        for result in question.all_mut() {
            let is_it = |served: &&ServedFigure| served.item == result.id && served.measure == result.measure;
            let served = self.figures.iter().find(is_it);
            let served = served
                .with_context(|| format!("the collector has no {} of {}", result.measure, result.id))?;
            let (numbers, ends) = (served.estimate.zip(served.standard_error), served.low.zip(served.high));
            let ((estimate, standard_error), (low, high)) = numbers
                .zip(ends)
                .with_context(|| format!("the collector has no estimate of {}", result.id))?;
            result.set_estimate(estimate);
            result.standard_error = standard_error;
            (result.low, result.high, result.published) = (low, high, served.published);
            (result.support, result.reports) = (served.support, self.reports);
        }
        Ok(())
    }
}
