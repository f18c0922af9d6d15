//! What an exported ledger is held to: its chain, the plan, and what was captured.

use std::collections::BTreeMap;

use keepset_engine::outbox::MAX_ENTRIES;
use keepset_privacy::{Answering, Ledger, Refusal};
use keepset_wire::labels::{LabelTerms, SealedLabels};
use keepset_wire::receipt::{self, Break, Kind};
use keepset_wire::{Choice, PackHash, Plan, PlanHash, Purpose, Receipt, Sealed, Timestamp, hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::capture::Capture;
use super::ledger::{Line, Outcome};

/// How much something found matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Weight {
    /// The ledger, the plan and the traffic do not agree.
    Deviation,
    /// Nothing is wrong by itself, and a person should look.
    Warning,
}

/// Something found, and where.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Found {
    pub(super) weight: Weight,
    /// A stable name of what it is.
    pub(super) code: &'static str,
    /// The entry of the ledger it is about.
    pub(super) entry: Option<u32>,
    /// One sentence that begins with the place.
    pub(super) sentence: String,
}

/// What a ledger is held to.
#[derive(Debug)]
pub(super) struct Check<'a> {
    lines: &'a [Line],
    found: Vec<Found>,
}

/// Holds a ledger to everything; `captured` tells for each line how often its bytes were seen.
pub(super) fn all(
    lines: &[Line],
    plans: &BTreeMap<PlanHash, Plan>,
    terms: &[LabelTerms],
    packs: &[PackHash],
    capture: &Capture,
) -> (Vec<Found>, Vec<usize>) {
    let mut check = Check { lines, found: Vec::new() };
    check.chain();
    check.bytes();
    check.consent();
    check.plan(plans);
    check.labels(terms);
    check.packs(packs);
    let captured = check.traffic(capture);
    (check.found, captured)
}

impl Check<'_> {
    fn note(&mut self, weight: Weight, code: &'static str, entry: Option<u32>, sentence: String) {
        self.found.push(Found { weight, code, entry, sentence });
    }

    fn deviates(&mut self, receipt: &Receipt, code: &'static str, what: &str) {
        let number = receipt.number;
        self.note(Weight::Deviation, code, Some(number), format!("entry {number}: {what}"));
    }

    fn warns(&mut self, receipt: &Receipt, code: &'static str, what: &str) {
        let number = receipt.number;
        self.note(Weight::Warning, code, Some(number), format!("entry {number}: {what}"));
    }

    /// The chain is unbroken, and what the file says each hash is, it is.
    fn chain(&mut self) {
        let lines = self.lines;
        let Some(first) = lines.first().map(|line| &line.receipt) else { return };
        match receipt::verify(lines.iter().map(|line| &line.receipt)) {
            Ok(()) => {}
            Err(Break::Beginning) => {
                self.deviates(first, "chain_beginning", "is the first of all and names one before it");
            }
            Err(Break::Number(index)) => {
                let (last, here) = (lines[index - 1].receipt.number, &lines[index].receipt);
                let order = if here.number <= last { "stands out of order" } else { "does not follow" };
                let gap = format!("{order}: the entry before it is {last}, so the chain is broken");
                self.deviates(here, "chain_order", &gap);
            }
            Err(Break::Hash(index)) => {
                let last = lines[index - 1].receipt.number;
                let what = format!("does not hold the hash of entry {last}: one of the two was changed");
                self.deviates(&lines[index].receipt, "chain_hash", &what);
            }
        }
        if first.number > 0 && lines.len() < MAX_ENTRIES {
            let what = format!(
                "is the first here, though a device forgets entries only beyond {MAX_ENTRIES}: those before it were left out"
            );
            self.deviates(first, "chain_left_out", &what);
        }
        for line in lines {
            if line.hash != line.receipt.hash() {
                self.deviates(&line.receipt, "hash", "does not have the hash it says it has: it was changed");
            }
        }
    }

    /// The bytes the file still holds are those of the receipt, and no two receipts stand for the same.
    fn bytes(&mut self) {
        let mut seen: BTreeMap<[u8; 32], u32> = BTreeMap::new();
        for line in self.lines {
            let receipt = &line.receipt;
            let sum: [u8; 32] = Sha256::digest(&line.body).into();
            if !line.body.is_empty() && (sum != receipt.sha256 || line.body.len() != receipt.size as usize) {
                self.deviates(receipt, "bytes", "its bytes in the file are not those it stands for");
            }
            if let Some(other) = seen.insert(receipt.sha256, receipt.number).filter(|_| receipt.size > 0) {
                self.deviates(receipt, "same_bytes", &format!("stands for the same bytes as entry {other}"));
            }
        }
    }

    /// Every gate that what leaves has to pass was granted, and before.
    fn consent(&mut self) {
        for Line { receipt, .. } in self.lines {
            let right = match receipt.kind {
                Kind::Report => (Purpose::Reporting, "reporting"),
                Kind::Label | Kind::Erasure => (Purpose::Sharing, "sharing"),
            };
            let gates = [(Purpose::Segmentation, "segmentation"), (Purpose::Storage, "storage"), right];
            // An erasure is how consent ends.
            let needed = if receipt.kind == Kind::Erasure { &[][..] } else { &gates[..] };
            for (purpose, name) in needed {
                let standing = receipt.consent.of(*purpose);
                if standing.choice != Choice::Granted {
                    self.deviates(receipt, "consent", &format!("consent to {name} was not granted"));
                } else if standing.since > receipt.at {
                    self.deviates(
                        receipt,
                        "consent",
                        &format!("consent to {name} was granted only afterwards"),
                    );
                }
            }
            if receipt.purpose != right.0 {
                self.deviates(receipt, "purpose", "its purpose is not that of what left");
            }
        }
    }

    /// The plan allowed it: question, mechanism, price, length, window, year. The ledger of budgets is the device's own.
    fn plan(&mut self, plans: &BTreeMap<PlanHash, Plan>) {
        // Nothing is known of before: any window is free, nothing is spent.
        let mut budget = Ledger::fresh(None, Timestamp::MIN);
        let reports =
            self.lines.iter().map(|line| &line.receipt).filter(|receipt| receipt.kind == Kind::Report);
        let mut answered: BTreeMap<(PlanHash, u32), u32> = BTreeMap::new();
        for receipt in reports {
            let Some(plan) = plans.get(&receipt.plan) else {
                self.deviates(
                    receipt,
                    "plan",
                    &format!("answers the plan {}, which is not the given one", receipt.plan),
                );
                continue;
            };
            self.question(receipt, plan);
            if receipt.epsilon_micro != plan.epsilon.micro() {
                let what = format!(
                    "charged epsilon {}, and the plan allows {} per report",
                    f64::from(receipt.epsilon_micro) / 1e6,
                    plan.epsilon.value()
                );
                self.deviates(receipt, "epsilon_report", &what);
            }
            let Some(at) = Timestamp::from_millis(receipt.at) else {
                self.deviates(receipt, "time", "was written at no instant");
                continue;
            };
            let before = answered.insert((receipt.plan, receipt.window), receipt.number);
            match budget.charge(plan, at) {
                Ok(charge) if charge.window().0 != receipt.window => {
                    let what =
                        format!("was written in window {} and says {}", charge.window().0, receipt.window);
                    self.deviates(receipt, "window", &what);
                }
                Ok(_) if before.is_none() => {}
                Ok(_) | Err(Refusal::WindowTaken) => {
                    let other =
                        before.map_or(String::new(), |other| format!(", which entry {other} answered"));
                    let what = format!(
                        "is a second report in window {}{other}: more than epsilon {} per window",
                        receipt.window,
                        plan.epsilon.value()
                    );
                    self.deviates(receipt, "epsilon_window", &what);
                }
                Err(Refusal::YearSpent) => {
                    let year = plan.epsilon.value() * f64::from(plan.windows_per_year);
                    let what =
                        format!("brings 365 days over epsilon {year}, which is all the plan allows a year");
                    self.deviates(receipt, "epsilon_year", &what);
                }
                Err(Refusal::ClockBehind) => {
                    self.deviates(receipt, "time", "was written before the entry before it")
                }
                Err(_) => self.deviates(receipt, "plan_not_live", "was written outside the life of its plan"),
            }
        }
    }

    fn question(&mut self, receipt: &Receipt, plan: &Plan) {
        let asked = plan.questions.iter().find(|question| question.id.as_str() == receipt.question);
        let Some(question) = asked else {
            let what = format!("answers {}, which the plan does not ask", receipt.question);
            return self.deviates(receipt, "question", &what);
        };
        let right = Answering::for_question(plan.epsilon, question).map(|answering| answering.describe());
        if right.as_deref() != Ok(&*receipt.mechanism) {
            let right = right.unwrap_or_else(|_| "none".into());
            let what = format!("names the mechanism {:?}, and the plan's is {right:?}", receipt.mechanism);
            self.deviates(receipt, "mechanism", &what);
        }
        let length = Sealed::length(plan);
        if receipt.size as usize != length {
            let what = format!("is {} bytes long, and every report of the plan is {length}", receipt.size);
            self.deviates(receipt, "size", &what);
        }
    }

    /// What was shared is what the terms allow: their text, their length, and nothing charged.
    fn labels(&mut self, given: &[LabelTerms]) {
        let lines = self.lines;
        let labels = lines.iter().map(|line| &line.receipt).filter(|receipt| receipt.kind != Kind::Report);
        for receipt in labels {
            let Some(terms) = given.iter().find(|terms| terms.hash() == receipt.plan) else {
                let what =
                    format!("was shared under the terms {}, which are not the given ones", receipt.plan);
                self.deviates(receipt, "terms", &what);
                continue;
            };
            if receipt.question != terms.id.as_str() || receipt.mechanism != terms.describe() {
                let what = format!(
                    "names {} {:?}, and the terms are {} {:?}",
                    receipt.question,
                    receipt.mechanism,
                    terms.id,
                    terms.describe()
                );
                self.deviates(receipt, "terms", &what);
            }
            let length = SealedLabels::length(terms);
            if receipt.size as usize != length {
                let what =
                    format!("is {} bytes long, and every message under the terms is {length}", receipt.size);
                self.deviates(receipt, "size", &what);
            }
            if receipt.epsilon_micro != 0 {
                self.deviates(receipt, "epsilon_report", "charged epsilon, and labels are not noised");
            }
        }
    }

    /// The packs are those that were given, if any were.
    fn packs(&mut self, packs: &[PackHash]) {
        for Line { receipt, .. } in self.lines {
            if !packs.is_empty() && !packs.contains(&receipt.pack) {
                let what =
                    format!("was made under the pack {}, which is none of the given ones", receipt.pack);
                self.deviates(receipt, "pack", &what);
            }
        }
    }

    /// What was captured is what the ledger says: every body one entry's, and nothing accepted that was not captured.
    fn traffic(&mut self, capture: &Capture) -> Vec<usize> {
        let lines = self.lines;
        let mut captured = vec![0; lines.len()];
        for request in &capture.requests {
            let matching = lines.iter().position(|line| request.is(&line.receipt.sha256, line.receipt.size));
            if let Some(index) = matching {
                captured[index] += 1;
                for extra in &request.extras {
                    let what = format!("{}: carries a {extra} header beside the report", request.place);
                    self.note(Weight::Deviation, "request_extra", Some(lines[index].receipt.number), what);
                }
            } else if request.lossy {
                let what = format!(
                    "{}: its body was not recorded byte for byte, so nothing can be said of it",
                    request.place
                );
                self.note(Weight::Deviation, "request_lossy", None, what);
            } else if request.is_encapsulated() {
                let what = format!(
                    "{}: is encapsulated for a relay, so nothing can be said of what it holds: capture the page without its relay, where the same bytes leave as they are",
                    request.place
                );
                self.note(Weight::Deviation, "request_encapsulated", None, what);
            } else {
                let what = format!(
                    "{}: the ledger does not know this body ({})",
                    request.place,
                    request.described()
                );
                self.note(Weight::Deviation, "request_unknown", None, what);
            }
        }
        for (line, times) in lines.iter().zip(&captured) {
            match (line.outcome, *times) {
                (Outcome::Accepted, 0) => {
                    let what = format!(
                        "is said to be accepted and was not captured (SHA-256 {}...)",
                        hex(&line.receipt.sha256[..8])
                    );
                    self.warns(&line.receipt, "not_captured", &what);
                }
                (Outcome::Expired | Outcome::Withdrawn, 1..) => {
                    let what = format!(
                        "is said to be {} and was captured: it was on its way by then, or it should not have left",
                        line.outcome.word()
                    );
                    self.warns(&line.receipt, "left_anyway", &what);
                }
                _ => {}
            }
        }
        captured
    }
}
