//! A tape as text: varints in base64, so that a saved failure stays one file of JSON.
//!
//! Says nothing about what is on it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stormglass_sim::{Reel, Tape};
use stormglass_types::{Choice, Stream};

/// The tape as text.
pub(super) fn to_text(tape: &Tape) -> String {
    let mut bytes = Vec::new();
    put(&mut bytes, tape.reels.len() as u64);
    for reel in &tape.reels {
        put(&mut bytes, u64::from(reel.stream as u32));
        put(&mut bytes, u64::from(reel.entity));
        put(&mut bytes, reel.choices.len() as u64);
        // Most choices of a stream are among as many as the one before.
        for alike in reel.choices.chunk_by(|one, other| one.last == other.last) {
            put(&mut bytes, alike.len() as u64);
            put(&mut bytes, alike[0].last);
            alike.iter().for_each(|choice| put(&mut bytes, choice.value));
        }
    }
    put(&mut bytes, tape.prints.len() as u64);
    bytes.extend(tape.prints.iter().flat_map(|print| print.to_le_bytes()));
    STANDARD.encode(bytes)
}

/// The tape that a text holds; none if it holds no tape, or not exactly one.
pub(super) fn from_text(text: &str) -> Option<Tape> {
    let bytes = STANDARD.decode(text).ok()?;
    let mut rest = &bytes[..];
    let reels = take(&mut rest)?;
    let reels = (0..reels).map(|_| reel(&mut rest)).collect::<Option<Vec<Reel>>>()?;
    let prints = usize::try_from(take(&mut rest)?).ok()?;
    if rest.len() != prints.checked_mul(2)? {
        return None;
    }
    let prints = rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    Some(Tape { reels, prints: prints.collect() })
}

fn reel(rest: &mut &[u8]) -> Option<Reel> {
    let (number, entity) = (take(rest)?, take(rest)?);
    let stream = Stream::ALL.into_iter().find(|stream| u64::from(*stream as u32) == number)?;
    let count = usize::try_from(take(rest)?).ok()?;
    let mut choices = Vec::new();
    while choices.len() < count {
        let (alike, last) = (usize::try_from(take(rest)?).ok()?, take(rest)?);
        if alike == 0 || alike > count - choices.len() {
            return None;
        }
        for _ in 0..alike {
            let value = take(rest).filter(|value| *value <= last)?;
            choices.push(Choice { last, value });
        }
    }
    Some(Reel { stream, entity: u32::try_from(entity).ok()?, choices: Arc::from(choices) })
}

/// Seven bits a byte, the lowest first; the high bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7F).expect("masked to seven bits");
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for place in 0..10 {
        let (first, others) = rest.split_first()?;
        *rest = others;
        let low = u64::from(first & 0x7F);
        let shifted = low.checked_shl(7 * place).filter(|shifted| shifted >> (7 * place) == low)?;
        number |= shifted;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape() -> Tape {
        let choices = [(9, 4), (9, 0), (u64::MAX, u64::MAX), (1, 1), (9, 9)];
        let choices = choices.map(|(last, value)| Choice { last, value });
        let reel = |stream, entity, count: usize| Reel {
            stream,
            entity,
            choices: choices[..count].into(),
        };
        let reels = vec![
            reel(Stream::Network, 3, 5),
            reel(Stream::Application, 0xFFFF_FFFF, 2),
            reel(Stream::Crash, 0, 0),
        ];
        Tape { reels, prints: Arc::from([0, 1, 0xFFFF, 300]) }
    }

    #[test]
    fn a_tape_comes_back() {
        for tape in [tape(), Tape::default()] {
            assert_eq!(from_text(&to_text(&tape)), Some(tape));
        }
    }

    #[test]
    fn what_is_no_tape_is_refused_and_never_a_panic() {
        let whole = STANDARD.decode(to_text(&tape())).expect("just encoded");
        for cut in 0..whole.len() {
            assert_eq!(from_text(&STANDARD.encode(&whole[..cut])), None, "cut at {cut}");
        }
        let mut huge = Vec::new();
        put(&mut huge, u64::MAX);
        for bad in ["", "not base64!", "/////w==", &STANDARD.encode(huge)] {
            assert_eq!(from_text(bad), None, "{bad}");
        }
    }
}
