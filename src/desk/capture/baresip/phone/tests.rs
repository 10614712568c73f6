//! A played phone that speaks like the real one: in pieces, all at once, gone and back.

use std::{io::BufRead, net::TcpListener, sync::mpsc};

use crossbeam::channel::{Receiver, unbounded};
use serde_json::{Value, json};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn hear(heard: &Receiver<PhoneEvent>) -> PhoneEvent {
    heard.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing was told"))
}

fn is_phone(heard: &Receiver<PhoneEvent>, there: bool) {
    assert!(hear(heard) == PhoneEvent::Phone(there), "the phone is there: {there}");
}

fn is_step(heard: &Receiver<PhoneEvent>, name: &str) {
    match hear(heard) {
        PhoneEvent::Call(step) => assert_eq!(step.name(), name),
        PhoneEvent::Phone(there) => panic!("the phone is there: {there}, instead of {name}"),
    }
}

/// A phone at an address. The test says what it sends.
struct Phone {
    listener: TcpListener,
    stream: TcpStream,
}

impl Phone {
    fn accept(listener: TcpListener) -> Phone {
        let (stream, _) = listener.accept().expect("the bridge connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Phone { listener, stream }
    }

    fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the bridge reads");
    }

    /// Reads a command, and answers with this list of calls.
    fn list(&mut self, lines: &str) {
        let mut reader = io::BufReader::with_capacity(1, &self.stream);
        let mut length = Vec::new();
        reader.read_until(b':', &mut length).expect("a length");
        let length: usize = String::from_utf8(length).expect("digits").trim_end_matches(':').parse().expect("a number");
        let mut message = vec![0; length + 1];
        reader.read_exact(&mut message).expect("a message");
        let asked: Value = serde_json::from_slice(&message[..length]).expect("JSON");
        assert_eq!((&asked["command"], message[length]), (&"listcalls".into(), b','));
        let answer = json!({"response": true, "ok": true, "data": lines, "token": asked["token"]});
        self.say(&netstring(&answer.to_string()));
    }
}

fn event(kind: &str) -> Vec<u8> {
    let event = json!({"event": true, "type": kind, "class": "call", "direction": "outgoing", "peeruri": "sip:1@h", "id": "a", "param": "7"});
    netstring(&event.to_string())
}

fn start() -> (Phone, Receiver<PhoneEvent>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (tell, heard) = unbounded();
    thread::spawn(move || follow(address, &tell));
    let mut phone = Phone::accept(listener);
    is_phone(&heard, true);
    phone.list("");
    (phone, heard)
}

const TALKING: &str = "> [line 1]  0:00:01  ESTABLISHED             sip:1@h\n";
const HELD: &str = "> [line 1]  0:00:07  ESTABLISHED  (on hold)  sip:1@h\n";

#[test]
fn events_in_pieces_and_joined_become_the_steps_of_a_call_and_hold_is_found_by_asking() {
    let (mut phone, heard) = start();
    let joined = [event("CALL_RINGING"), event("CALL_RTCP"), event("CALL_ESTABLISHED")].concat();
    for piece in joined.chunks(7) {
        phone.say(piece);
        phone.stream.flush().expect("it is sent");
    }
    is_step(&heard, "ring");
    is_step(&heard, "begin");
    phone.list(TALKING);
    phone.list(HELD);
    is_step(&heard, "hold");
    phone.say(&event("CALL_REMOTE_SDP"));
    phone.list(TALKING);
    is_step(&heard, "resume");
    phone.say(&[event("CALL_DTMF_START"), event("CALL_CLOSED")].concat());
    is_step(&heard, "dtmf");
    is_step(&heard, "end");
}

#[test]
fn a_phone_that_is_restarted_is_found_again_and_its_call_is_over() {
    let (mut phone, heard) = start();
    phone.say(&event("CALL_ESTABLISHED"));
    is_step(&heard, "begin");
    let address = phone.listener.local_addr().expect("an address");
    drop(phone);
    is_phone(&heard, false);
    is_step(&heard, "end");
    let mut phone = Phone::accept(TcpListener::bind(address).expect("the same port"));
    is_phone(&heard, true);
    phone.list("");
    phone.say(&event("CALL_ESTABLISHED"));
    is_step(&heard, "begin");
}

#[test]
fn a_connection_that_another_program_takes_for_a_moment_ends_no_call() {
    let (mut phone, heard) = start();
    phone.say(&event("CALL_ESTABLISHED"));
    is_step(&heard, "begin");
    // The phone lives on, and lets in the next one.
    let Phone { listener, stream } = phone;
    drop(stream);
    is_phone(&heard, false);
    let mut phone = Phone::accept(listener);
    is_phone(&heard, true);
    phone.list(HELD);
    is_step(&heard, "hold");
    phone.say(&event("CALL_CLOSED"));
    is_step(&heard, "end");
}

#[test]
fn what_is_no_phone_is_left_and_looked_at_again() {
    let (mut phone, heard) = start();
    phone.say(b"HTTP/1.1 400 Bad Request\r\n");
    is_phone(&heard, false);
    let (done, again) = mpsc::channel();
    thread::spawn(move || done.send(Phone::accept(phone.listener).stream));
    again.recv_timeout(PATIENCE).expect("it comes again");
    is_phone(&heard, true);
}
