//! A thousand devices that report and share labels, and someone who tries to find out which report and which name are of one device.
//!
//! The attacker holds every byte of the wire with its time, the collector's private key, and all of what it opens: a collector
//! that turns on its own visitors, but for the network address. What [`attack`] looks for: equal pieces of bytes, names that follow from names, the
//! label nearest in time, the order of first arrivals, lengths. It must find nothing in the traffic of the engine, and
//! must find what is planted. All devices consent on one day and visit by the same chance: what habits of a person give away beyond it (always
//! at lunch) is no matter of the wire, and not looked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use keepset_engine::{Choice, ConsentChange};
use keepset_privacy::{Coins, SeededCoins};
use keepset_wire::labels::{Labels, Proof, SealedLabels};
use keepset_wire::receipt::Kind;
use keepset_wire::{DAY_MS, HOUR_MS, Plan, Report, Sealed, sha256};

use crate::shop::{Device, opening_key, pack};

const DEVICES: usize = 1_000;
const DAYS: i64 = 56;

/// A message as the attacker has it, and, for the judge alone, whose it is.
#[derive(Clone, Debug)]
struct Captured {
    at: i64,
    sealed: Vec<u8>,
    opened: Vec<u8>,
    device: usize,
}

#[derive(Clone, Debug, Default)]
struct Traffic {
    reports: Vec<Captured>,
    labels: Vec<Captured>,
}

/// The traffic of the engine, the same for every test here.
fn honest() -> &'static Traffic {
    static TRAFFIC: OnceLock<Traffic> = OnceLock::new();
    TRAFFIC.get_or_init(|| {
        let mut traffic = Traffic::default();
        (0..DEVICES).for_each(|device| visit(device, &mut traffic));
        // As it comes over the wire: in the order of time.
        traffic.reports.sort_by_key(|message| message.at);
        traffic.labels.sort_by_key(|message| message.at);
        traffic
    })
}

/// Eight weeks of one device: on average a visit in twenty hours, at any time, of up to half an hour.
fn visit(number: usize, traffic: &mut Traffic) {
    let seed = number as u64 + 1;
    let mut chance = SeededCoins::new(seed << 20);
    let mut draw = |below: i64| i64::try_from(chance.below(u128::try_from(below).unwrap()).unwrap()).unwrap();
    let mut device = Device::new(seed, pack());
    device.choose(ConsentChange::all(Choice::Granted));
    let end = device.now.saturating_add(DAYS * DAY_MS);
    while device.now < end {
        device.now = device.now.saturating_add(draw(40 * HOUR_MS));
        if draw(10) == 0 {
            device.buy();
        }
        for _ in 0..=draw(3) {
            device.look();
            device.now = device.now.saturating_add(draw(10 * 60_000));
        }
    }
    let pack = pack();
    let plan = pack.plan.as_ref().unwrap();
    for letter in device.letters {
        let (at, sealed) = (letter.at.millis(), letter.bytes);
        match letter.kind {
            Kind::Report => {
                let opened = Sealed::decode(plan, &sealed).unwrap().open(&opening_key()).unwrap();
                traffic.reports.push(Captured { at, sealed, opened, device: number });
            }
            Kind::Label => {
                let opened = SealedLabels::decode(&sealed).unwrap().open(&opening_key()).unwrap();
                traffic.labels.push(Captured { at, sealed, opened, device: number });
            }
            // The secret in it says whose name it was, as the proof does.
            Kind::Erasure => {}
        }
    }
}

/// What an attack came to; each of its tests alarms on unlinkable traffic with a probability of at most 10^-6.
#[derive(Debug)]
struct Finding {
    /// Pairs of a report and a label that share eight bytes that fewer than a hundredth of all messages hold.
    pieces: usize,
    /// Pairs in which a name follows from the other's.
    names: usize,
    /// Reports whose nearest label in time is of their device, and how many there would be by chance.
    near: (usize, f64),
    /// The rank correlation of devices' first reports and first labels, in standard deviations.
    order: f64,
    /// Lengths of reports and of labels beyond the one that each may have.
    lengths: usize,
}

impl Finding {
    fn alarms(&self) -> Vec<&'static str> {
        let (near, expected) = self.near;
        let alarms = [
            (self.pieces > 0, "pieces"),
            (self.names > 0, "names"),
            (near > most_by_chance(expected), "time"),
            // Two-sided 10^-6 of a normal.
            (self.order.abs() > 4.9, "order"),
            (self.lengths > 0, "lengths"),
        ];
        alarms.into_iter().filter(|(alarm, _)| *alarm).map(|(_, name)| name).collect()
    }
}

/// The number that a Poisson of this mean exceeds with a probability below 10^-6.
fn most_by_chance(mean: f64) -> usize {
    let (mut term, mut tail, mut count) = ((-mean).exp(), 1.0, 0);
    loop {
        tail -= term;
        if tail < 1e-6 {
            return count;
        }
        count += 1;
        term *= mean / f64::from(u32::try_from(count).unwrap());
    }
}

fn attack(traffic: &Traffic) -> Finding {
    let lengths =
        |messages: &[Captured]| messages.iter().map(|m| m.sealed.len()).collect::<BTreeSet<_>>().len() - 1;
    Finding {
        pieces: shared_pieces(traffic),
        names: names_that_follow(traffic),
        near: nearest(traffic),
        order: order(traffic),
        lengths: lengths(&traffic.reports) + lengths(&traffic.labels),
    }
}

/// Eight bytes are equal by chance in one of 2^64 pairs; there are some 10^12 pairs of places, so 10^-7 alarms.
fn shared_pieces(traffic: &Traffic) -> usize {
    fn holders(messages: &[Captured]) -> BTreeMap<&[u8], BTreeSet<usize>> {
        let mut found: BTreeMap<&[u8], BTreeSet<usize>> = BTreeMap::new();
        for (index, message) in messages.iter().enumerate() {
            for piece in message.sealed.windows(8).chain(message.opened.windows(8)) {
                found.entry(piece).or_default().insert(index);
            }
        }
        // What many messages hold is no one's: versions, hashes of plan and terms, zeros.
        found.retain(|_, holders| holders.len() * 100 <= messages.len());
        found
    }
    let (reports, labels) = (holders(&traffic.reports), holders(&traffic.labels));
    reports.iter().filter_map(|(piece, holders)| Some(holders.len() * labels.get(piece)?.len())).sum()
}

/// Everything of a label that could be a name, beside everything that a report's name could have been made into.
fn names_that_follow(traffic: &Traffic) -> usize {
    let domains: [&[u8]; 6] = [
        b"",
        b"keepset label proof 1",
        b"keepset label id 1",
        b"keepset report id 1",
        b"keepset label erased 1",
        b"keepset receipt 1",
    ];
    let mut made: BTreeSet<[u8; 16]> = BTreeSet::new();
    for report in &traffic.reports {
        let id = &report.opened[23..39];
        made.insert(id.try_into().unwrap());
        for domain in domains {
            for name in [id, &sha256(&[id])[..]] {
                made.insert(sha256(&[domain, name])[..16].try_into().unwrap());
            }
        }
    }
    let mut found = 0;
    for label in &traffic.labels {
        let proof = &label.opened[18..50];
        let id = Proof(proof.try_into().unwrap()).id();
        let hashes = domains.map(|domain| sha256(&[domain, proof]));
        let halves = [&proof[..16], &proof[16..], &id.0].map(|half| half.try_into().unwrap());
        let names = hashes.iter().map(|hash| hash[..16].try_into().unwrap()).chain(halves);
        found += names.filter(|name: &[u8; 16]| made.contains(name)).count();
    }
    found
}

/// By chance the nearest label is of the report's device as often as labels are of one device.
fn nearest(traffic: &Traffic) -> (usize, f64) {
    let labels = &traffic.labels;
    let mut hits = 0;
    let mut chance = 0.0;
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    labels.iter().for_each(|label| *count.entry(label.device).or_default() += 1);
    for report in &traffic.reports {
        let after = labels.partition_point(|label| label.at < report.at);
        let near = labels[after.saturating_sub(1)..(after + 1).min(labels.len())].iter();
        let near = near.min_by_key(|label| (label.at - report.at).abs()).unwrap();
        hits += usize::from(near.device == report.device);
        chance += count.get(&report.device).map_or(0.0, |own| *own as f64 / labels.len() as f64);
    }
    (hits, chance)
}

/// Spearman's rank correlation of first arrivals; under independence its standard deviation is one over the root of n - 1.
fn order(traffic: &Traffic) -> f64 {
    let firsts = |messages: &[Captured]| {
        let mut first: BTreeMap<usize, i64> = BTreeMap::new();
        messages.iter().for_each(|m| {
            let at = first.entry(m.device).or_insert(m.at);
            *at = m.at.min(*at);
        });
        let mut order: Vec<(i64, usize)> = first.into_iter().map(|(device, at)| (at, device)).collect();
        order.sort_unstable();
        order
            .into_iter()
            .enumerate()
            .map(|(rank, (_, device))| (device, rank as f64))
            .collect::<BTreeMap<_, _>>()
    };
    let (reports, labels) = (firsts(&traffic.reports), firsts(&traffic.labels));
    let pairs: Vec<(f64, f64)> =
        reports.iter().filter_map(|(device, a)| Some((*a, *labels.get(device)?))).collect();
    let n = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    let joint = sum(&|(x, y)| (x - a) * (y - b));
    let spread = (sum(&|(x, _)| (x - a).powi(2)) * sum(&|(_, y)| (y - b).powi(2))).sqrt();
    joint / spread * (n - 1.0).sqrt()
}

/// Tells the traffic with one thing changed in every label; it gets the report of its device that is nearest before, if there is one.
fn planted(change: impl Fn(&mut Captured, &Captured)) -> Traffic {
    let mut traffic = honest().clone();
    let reports = traffic.reports.clone();
    for label in &mut traffic.labels {
        let own = reports.iter().filter(|report| report.device == label.device);
        if let Some(report) = own.min_by_key(|report| (report.at - label.at).abs()) {
            change(label, report);
        }
    }
    traffic.labels.sort_by_key(|label| label.at);
    traffic
}

#[test]
fn nothing_on_the_wire_links_the_reports_of_a_thousand_devices_to_their_labels() {
    let traffic = honest();
    assert!(
        traffic.reports.len() > 3 * DEVICES && traffic.labels.len() > 8 * DEVICES,
        "{} {}",
        traffic.reports.len(),
        traffic.labels.len()
    );
    let finding = attack(traffic);
    assert!(finding.alarms().is_empty(), "{finding:?}");
}

/// That no report is near a label of its device rules names out: about as many as share within six hours, so one in a thousand becomes one in
/// some 880. That is the price of never leaving in one visit, and all that time gives away here.
#[test]
fn what_time_rules_out_is_no_more_than_an_eighth_of_the_names() {
    let traffic = honest();
    let ruled_out = traffic.reports.iter().map(|report| {
        let near = traffic.labels.iter().filter(|label| (label.at - report.at).abs() < 6 * HOUR_MS);
        near.map(|label| label.device).collect::<BTreeSet<_>>().len()
    });
    let mean = ruled_out.sum::<usize>() as f64 / traffic.reports.len() as f64 / DEVICES as f64;
    assert!(mean < 0.125, "{mean}");
}

#[test]
fn labels_that_left_with_a_report_are_found() {
    let found = attack(&planted(|label, report| label.at = report.at + 4_000));
    assert!(found.alarms().contains(&"time"), "{found:?}");
}

#[test]
fn a_name_made_of_the_name_of_a_report_is_found() {
    let made = |proof: [u8; 32]| {
        planted(move |label, report| {
            let id = sha256(&[&report.opened[23..39]]);
            let proof = if proof == [0; 32] { id } else { sha256(&[b"keepset label proof 1", &id]) };
            label.opened[18..50].copy_from_slice(&proof);
        })
    };
    for traffic in [made([0; 32]), made([1; 32])] {
        let found = attack(&traffic);
        assert!(found.alarms().contains(&"names"), "{found:?}");
    }
}

#[test]
fn a_piece_of_a_report_in_a_label_is_found_sealed_or_open() {
    let open = attack(&planted(|label, report| label.opened[59..67].copy_from_slice(&report.opened[23..31])));
    assert!(open.alarms().contains(&"pieces"), "{open:?}");
    // One key drawn for two messages.
    let sealed =
        attack(&planted(|label, report| label.sealed[18..50].copy_from_slice(&report.sealed[22..54])));
    assert!(sealed.alarms().contains(&"pieces"), "{sealed:?}");
}

#[test]
fn labels_that_leave_in_the_order_of_reports_are_found_weeks_later() {
    let found = attack(&planted(|label, report| label.at = report.at + 30 * DAY_MS));
    assert!(found.alarms().contains(&"order"), "{found:?}");
}

#[test]
fn labels_whose_length_says_what_is_in_them_are_found() {
    let found = attack(&planted(|label, _| label.sealed.truncate(120 + label.device % 3)));
    assert_eq!(found.alarms(), ["lengths"], "{found:?}");
}

/// Only where the bytes of the formats stand decides what the attack compares.
#[test]
fn the_attack_looks_where_the_names_are() {
    let pack = pack();
    let plan: &Plan = pack.plan.as_ref().unwrap();
    for report in honest().reports.iter().take(50) {
        let read = Report::decode(plan, plan.hash(), &report.opened).unwrap();
        assert_eq!(report.opened[23..39], read.id.0);
    }
    for label in honest().labels.iter().take(50) {
        let read = Labels::decode(&pack.labels().unwrap(), &label.opened).unwrap();
        assert_eq!(label.opened[18..50], read.proof.0);
    }
}
