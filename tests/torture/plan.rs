//! What each call says and does: all of it follows from the seed and the call's number.

use std::time::Duration;

use retrocall::audio::Leg;

/// Numbers that look random and come again with their seed.
pub struct Random(pub u64);

fn mixed(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from))
    }
}

/// Something that is done in a call, so long after its begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    Record,
    /// So many tenths of a second.
    EraseLast(u32),
    Mask,
    Unmask,
    Private,
    End,
}

/// One call.
pub struct Plan {
    pub number: u64,
    pub agent: String,
    pub rate: u32,
    /// What was said of it before it begins: as if it had been going on for a while.
    pub backlog: u64,
    pub acts: Vec<(Duration, Act)>,
    voice: u64,
}

impl Plan {
    pub fn of(seed: u64, number: u64) -> Plan {
        let mut random = Random(mixed(seed ^ mixed(number)));
        let voice = random.next();
        let rate = if random.below(4) == 0 { 16_000 } else { 8_000 };
        let backlog = random.below(6) * u64::from(rate);
        let end = random.ms(1_000, 8_000);
        let mut acts = vec![(end, Act::End)];
        match random.below(100) {
            // Pressed, by half of them at once.
            0..45 => {
                let pressed = if random.below(2) == 0 { Duration::ZERO } else { random.ms(0, 2_500) };
                acts.push((pressed, Act::Record));
                match random.below(4) {
                    0 => acts.push((pressed + random.ms(300, 1_500), Act::EraseLast(1 + random.below(30) as u32))),
                    1 => {
                        let masked = random.ms(0, 2_000);
                        acts.extend([(masked, Act::Mask), (masked + random.ms(100, 900), Act::Unmask)]);
                    }
                    _ => {}
                }
            }
            45..53 => acts.push((random.ms(0, 1_500), Act::Private)),
            _ => {}
        }
        acts.retain(|(at, act)| *at < end || *act == Act::End);
        acts.sort_by_key(|(at, _)| *at);
        Plan { number, agent: format!("agent-{number}"), rate, backlog, acts, voice }
    }

    /// What is said at this position. Never silence, and no run of four samples is said twice.
    pub fn sample(&self, leg: Leg, position: u64) -> i16 {
        // One draw makes four samples.
        let word = mixed(self.voice ^ mixed((position / 4) << 1 | leg.index() as u64));
        let sample = (word >> (16 * (position % 4))) as i16;
        if sample == 0 { 1 } else { sample }
    }
}
