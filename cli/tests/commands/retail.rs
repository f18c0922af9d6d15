//! The rules of the retail pack, lived through hour by hour.

use std::rc::Rc;

use crate::common::retail;
use keepset_cli::commands::read_pack;
use keepset_engine::{Choice, ConsentChange, Engine, RawEvent};
use keepset_wire::{HOUR_MS, Timestamp};

const NEVER: [i64; 0] = [];

/// Lives through events at their hours and lists the hours, of the first 120, at which the segment changed.
fn changes(segment: &str, events: &[(i64, &str)]) -> Vec<i64> {
    let start = Timestamp::from_date("2020-03-01").unwrap();
    let mut engine = Engine::install(Rc::new(read_pack(&retail("pack.json")).unwrap()), start);
    let yes = ConsentChange { segmentation: Some(Choice::Granted), ..ConsentChange::default() };
    engine.set_consent(&yes, start);
    let (mut hours, mut was_in) = (Vec::new(), false);
    for hour in 0..120 {
        let now = start.saturating_add(hour * HOUR_MS);
        for (_, name) in events.iter().filter(|(at, _)| *at == hour) {
            let event = RawEvent { name: (*name).into(), at: Some(now.millis()), ..RawEvent::default() };
            engine.track(&event, now).unwrap();
        }
        engine.tick(now);
        let is_in = engine.memberships().iter().any(|membership| membership.segment.as_str() == segment);
        if is_in != was_in {
            hours.push(hour);
        }
        was_in = is_in;
    }
    hours
}

#[test]
fn a_cart_is_held_for_three_days_or_until_the_order_and_not_again_after_it() {
    let cart = |events: &[(i64, &str)]| changes("cart_holder", events);
    assert_eq!(cart(&[(0, "add_to_cart")]), [0, 72]);
    assert_eq!(cart(&[(0, "add_to_cart"), (1, "purchase")]), [0, 1]);
    assert_eq!(cart(&[(0, "add_to_cart"), (30, "purchase")]), [0, 30]);
    assert_eq!(cart(&[(0, "add_to_cart"), (5, "add_to_cart"), (5, "purchase")]), [0, 5]);
    // A new cart counts from the first full day after the order on; before, it may be the page left open.
    assert_eq!(cart(&[(0, "purchase"), (1, "add_to_cart")]), [24, 73]);
    assert_eq!(cart(&[(0, "purchase"), (1, "add_to_cart"), (2, "purchase")]), NEVER);
    assert_eq!(cart(&[(0, "purchase"), (40, "add_to_cart"), (50, "purchase")]), [40, 50]);
}

#[test]
fn a_visitor_without_a_history_is_not_likely_to_use_a_coupon_and_a_mailed_coupon_lover_is() {
    let likely = |events: &[(i64, &str)]| changes("likely_coupon", events);
    assert_eq!(likely(&[(0, "product_view"), (3, "add_to_cart"), (4, "purchase")]), NEVER);
    assert_eq!(likely(&[(0, "mailing")]), NEVER);
    assert_eq!(likely(&[(0, "mailing"), (10, "coupon_redeem"), (20, "coupon_redeem")]), [20]);
}
