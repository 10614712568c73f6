//! A whole call in sixty lines: `retrocall-softphone SOCKET AGENT SECONDS`. Two tones talk, and record is pressed in the last moment.
//!
//! Prints the path of the recording once it is on disk for good.

use std::{env, error::Error, path::Path, time::Duration};

use retrocall_client::{
    client::{Call, Client},
    words::{
        Ask, Begin, Clock as _, Event, SystemClock, Verdict,
        audio::{Codec, Leg, Rate},
    },
};

const RATE_HZ: u32 = 8_000;
/// Samples of 20 ms.
const FRAME: u64 = 160;
/// The tones of the agent and of the customer.
const TONES_HZ: [u64; 2] = [440, 620];

/// A sample of a leg: a saw.
fn sample(leg: Leg, position: u64) -> i16 {
    (position * TONES_HZ[leg.index()] * 65_536 / u64::from(RATE_HZ)) as i16 / 4
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [socket, agent, seconds] = &args[..] else { return Err("it needs SOCKET AGENT SECONDS".into()) };
    let samples = (seconds.parse::<f64>()? * f64::from(RATE_HZ)) as u64;
    let mut client = Client::connect(Path::new(socket))?;
    // If the engine refuses the call, a real softphone goes on all the same: the call is not captured, and that is all.
    let rate = Rate::new(RATE_HZ).ok_or("the engine takes no such rate")?;
    let call = Call::begin(&mut client, Begin::new(agent, rate, Codec::Pcm16))?;
    let mut due = SystemClock.now();
    for position in (0..samples).step_by(FRAME as usize) {
        for leg in Leg::ALL {
            let frame = position..samples.min(position + FRAME);
            let bytes: Vec<u8> = frame.flat_map(|at| sample(leg, at).to_le_bytes()).collect();
            client.send_audio(leg, call.channel(), position, &bytes)?;
        }
        // Sends both frames, and takes in what the engine says until the next ones are due.
        due += Duration::from_millis(20);
        client.rest(due)?;
    }
    // The button: as late as this, it keeps the whole call.
    let pressed = call.ask(&mut client, Ask::Record)?;
    call.ask(&mut client, Ask::End)?;
    if pressed.answer == Verdict::Refused {
        return Err(format!("the call is not recorded: {}", pressed.text.unwrap_or_default()).into());
    }
    while let Some(event) = client.next_event(Duration::from_secs(60))? {
        if let Event::Kept { call: kept, path, .. } = event
            && kept == call.id()
        {
            println!("{}", path.display());
            return Ok(());
        }
    }
    Err("the engine does not say that the recording is kept".into())
}
