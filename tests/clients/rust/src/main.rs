// What a program on plain async-nats does all day, one result for each scenario, as the last line.
// With `reconnect` or `lame_duck` as second argument: waits for the broker to go and come back.
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Message, Subscriber};
use futures_util::StreamExt;
use serde_json::{json, Map, Value};
use std::{
    collections::HashMap, env, error::Error, fs, future::Future, sync::atomic::Ordering, time::Duration,
};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::{sleep, timeout};

type Outcome = Result<Value, Box<dyn Error>>;
const PATIENCE: Duration = Duration::from_secs(10);

fn url() -> String {
    env::args().nth(1).expect("the address of the broker")
}

async fn connect() -> Result<Client, async_nats::error::Error<ConnectErrorKind>> {
    async_nats::connect(url()).await
}

/// A connection, and what it tells of itself.
async fn watched(capacity: usize) -> Result<(Client, UnboundedReceiver<Event>), Box<dyn Error>> {
    let (told, events) = unbounded_channel();
    let client = ConnectOptions::new()
        .subscription_capacity(capacity)
        .reconnect_delay_callback(|_| Duration::from_millis(100))
        .event_callback(move |event| {
            let told = told.clone();
            async move {
                let _ = told.send(event);
            }
        })
        .connect(url())
        .await?;
    Ok((client, events))
}

async fn next(sub: &mut Subscriber) -> Result<Message, Box<dyn Error>> {
    timeout(PATIENCE, sub.next()).await?.ok_or_else(|| "the subscription ended".into())
}

fn text(msg: &Message) -> String {
    String::from_utf8_lossy(&msg.payload).into_owned()
}

/// A flush here ends when the bytes are written; an answer shows that they were dealt with.
async fn settle(nc: &Client) -> Result<(), Box<dyn Error>> {
    nc.flush().await?;
    let inbox = nc.new_inbox();
    let mut sub = nc.subscribe(inbox.clone()).await?;
    nc.publish(inbox, "".into()).await?;
    nc.flush().await?;
    next(&mut sub).await?;
    Ok(())
}

async fn count(mut sub: Subscriber, quiet: Duration) -> usize {
    let mut received = 0;
    while let Ok(Some(_)) = timeout(quiet, sub.next()).await {
        received += 1;
    }
    received
}

const QUIET: Duration = Duration::from_millis(200);

async fn publish_subscribe(nc: Client, other: Client) -> Outcome {
    let mut sub = nc.subscribe("stock.rs.plain.*").await?;
    settle(&nc).await?;
    for word in ["one", "two", "three"] {
        other.publish(format!("stock.rs.plain.{word}"), word.into()).await?;
    }
    let mut got = Vec::new();
    for _ in 0..3 {
        got.push(text(&next(&mut sub).await?));
    }
    Ok(json!(got))
}

async fn request_reply(nc: Client, other: Client) -> Outcome {
    let mut service = nc.subscribe("stock.rs.service").await?;
    settle(&nc).await?;
    tokio::spawn(async move {
        while let Some(msg) = service.next().await {
            let answer = format!("answer to {}", text(&msg));
            nc.publish(msg.reply.unwrap(), answer.into()).await.unwrap();
        }
    });
    Ok(json!(text(&other.request("stock.rs.service", "question".into()).await?)))
}

async fn queue_group(nc: Client, other: Client) -> Outcome {
    let first = nc.queue_subscribe("stock.rs.queue", "workers".into()).await?;
    let second = nc.queue_subscribe("stock.rs.queue", "workers".into()).await?;
    settle(&nc).await?;
    for _ in 0..40 {
        other.publish("stock.rs.queue", "job".into()).await?;
    }
    settle(&other).await?;
    let (one, two) = tokio::join!(count(first, QUIET), count(second, QUIET));
    Ok(json!({ "total": one + two, "members": (one > 0) as u8 + (two > 0) as u8 }))
}

async fn headers(nc: Client, other: Client) -> Outcome {
    let mut sub = nc.subscribe("stock.rs.headers").await?;
    settle(&nc).await?;
    let mut headers = HeaderMap::new();
    headers.insert("key", "value");
    headers.insert("Other-Key", "with: colon");
    other.publish_with_headers("stock.rs.headers", headers, "body".into()).await?;
    let msg = next(&mut sub).await?;
    let read = msg.headers.clone().ok_or("no headers")?;
    let value = |name: &str| read.get(name).map(|value| value.to_string());
    Ok(json!([value("key"), value("Other-Key"), text(&msg)]))
}

async fn request_many(nc: Client, other: Client) -> Outcome {
    let mut service = nc.subscribe("stock.rs.many").await?;
    settle(&nc).await?;
    tokio::spawn(async move {
        while let Some(msg) = service.next().await {
            for number in 0..3 {
                let reply = msg.reply.clone().unwrap();
                nc.publish(reply, number.to_string().into()).await.unwrap();
            }
        }
    });
    let inbox = other.new_inbox();
    let mut sub = other.subscribe(inbox.clone()).await?;
    sub.unsubscribe_after(3).await?;
    other.publish_with_reply("stock.rs.many", inbox, "".into()).await?;
    let mut got = Vec::new();
    while let Some(msg) = timeout(PATIENCE, sub.next()).await? {
        got.push(text(&msg));
    }
    Ok(json!(got))
}

async fn drain(_nc: Client, other: Client) -> Outcome {
    let (leaving, mut events) = watched(1_000).await?;
    let sub = leaving.subscribe("stock.rs.drain").await?;
    settle(&leaving).await?;
    for _ in 0..100 {
        other.publish("stock.rs.drain", "last words".into()).await?;
    }
    settle(&other).await?;
    leaving.drain().await?;
    let received = count(sub, PATIENCE).await;
    let closed = timeout(PATIENCE, async {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::Closed) {
                return true;
            }
        }
        false
    });
    Ok(json!({ "received": received, "closed": closed.await? }))
}

async fn no_responders(nc: Client, _other: Client) -> Outcome {
    match nc.request("stock.rs.nobody", "".into()).await {
        Ok(_) => Ok(json!("answered")),
        Err(error) => Ok(json!(error.kind() == async_nats::RequestErrorKind::NoResponders)),
    }
}

async fn large_payload(nc: Client, other: Client) -> Outcome {
    let payload: Vec<u8> = (0..nc.max_payload()).map(|at| at as u8).collect();
    let mut sub = nc.subscribe("stock.rs.large").await?;
    settle(&nc).await?;
    other.publish("stock.rs.large", payload.clone().into()).await?;
    let msg = next(&mut sub).await?;
    Ok(json!({ "size": msg.payload.len(), "intact": msg.payload == payload }))
}

async fn max_payload(nc: Client, _other: Client) -> Outcome {
    let refused = nc.publish("stock.rs.large", vec![0; nc.max_payload() + 1].into()).await.is_err();
    settle(&nc).await?;
    Ok(json!({ "refused": refused, "connected": connected(&nc) }))
}

fn connected(nc: &Client) -> bool {
    nc.connection_state() == async_nats::connection::State::Connected
}

async fn wildcards(nc: Client, other: Client) -> Outcome {
    let one = nc.subscribe("stock.rs.wild.*.x").await?;
    let all = nc.subscribe("stock.rs.wild.>").await?;
    settle(&nc).await?;
    for rest in ["a.x", "a.y", "b", "a.b.x"] {
        other.publish(format!("stock.rs.wild.{rest}"), "".into()).await?;
    }
    settle(&other).await?;
    let (one, all) = tokio::join!(count(one, QUIET), count(all, QUIET));
    Ok(json!([one, all]))
}

async fn header_values(nc: Client, other: Client) -> Outcome {
    let mut sub = nc.subscribe("stock.rs.values").await?;
    settle(&nc).await?;
    let mut headers = HeaderMap::new();
    for value in ["one", "two", "two"] {
        headers.append("Many", value);
    }
    headers.insert("Unicode", "grüße ✓");
    headers.insert("Odd", "a:b;c=\"d\",");
    other.publish_with_headers("stock.rs.values", headers, "".into()).await?;
    let read = next(&mut sub).await?.headers.ok_or("no headers")?;
    let many: Vec<String> = read.get_all("Many").map(|value| value.to_string()).collect();
    let value = |name: &str| read.get(name).map(|value| value.to_string());
    Ok(json!([many, value("Unicode"), value("Odd")]))
}

async fn unicode_subject(nc: Client, other: Client) -> Outcome {
    let mut sub = nc.subscribe("stock.rs.grüße.*").await?;
    settle(&nc).await?;
    other.publish("stock.rs.grüße.📬", "✓".into()).await?;
    let msg = next(&mut sub).await?;
    Ok(json!([msg.subject.trim_start_matches("stock.rs."), text(&msg)]))
}

async fn auto_unsubscribe(nc: Client, other: Client) -> Outcome {
    let mut sub = nc.subscribe("stock.rs.auto").await?;
    sub.unsubscribe_after(3).await?;
    settle(&nc).await?;
    for _ in 0..5 {
        other.publish("stock.rs.auto", "".into()).await?;
    }
    let mut received = 0;
    while timeout(PATIENCE, sub.next()).await?.is_some() {
        received += 1;
    }
    Ok(json!({ "received": received, "ended": true }))
}

async fn drain_subscription(nc: Client, other: Client) -> Outcome {
    let mut sub = nc.subscribe("stock.rs.drain.one").await?;
    settle(&nc).await?;
    for _ in 0..50 {
        other.publish("stock.rs.drain.one", "".into()).await?;
    }
    settle(&other).await?;
    sub.drain().await?;
    settle(&nc).await?;
    other.publish("stock.rs.drain.one", "".into()).await?;
    settle(&other).await?;
    let mut received = 0;
    while timeout(PATIENCE, sub.next()).await?.is_some() {
        received += 1;
    }
    Ok(json!({ "received": received, "ended": true, "connected": connected(&nc) }))
}

async fn round_trip(nc: Client, _other: Client) -> Outcome {
    let before = nc.statistics().out_messages.load(Ordering::Relaxed);
    nc.publish("stock.rs.stats", "x".into()).await?;
    nc.flush().await?;
    let counted = nc.statistics().out_messages.load(Ordering::Relaxed) - before;
    settle(&nc).await?;
    Ok(json!({ "measured": true, "counted": counted }))
}

/// The first event of a kind.
async fn told<T>(
    events: &mut UnboundedReceiver<Event>,
    wanted: impl Fn(&Event) -> Option<T>,
) -> Result<T, Box<dyn Error>> {
    timeout(PATIENCE, async {
        while let Some(event) = events.recv().await {
            if let Some(found) = wanted(&event) {
                return Ok(found);
            }
        }
        Err("no more events".into())
    })
    .await?
}

async fn slow_reader(_nc: Client, other: Client) -> Outcome {
    let (slow, mut events) = watched(10).await?;
    let _unread = slow.subscribe("stock.rs.slow").await?;
    slow.flush().await?;
    sleep(QUIET).await;
    for _ in 0..100 {
        other.publish("stock.rs.slow", "".into()).await?;
    }
    settle(&other).await?;
    let is_slow = |event: &Event| matches!(event, Event::SlowConsumer(_)).then_some(true);
    let told = told(&mut events, is_slow).await?;
    Ok(json!({ "told": told, "connected": connected(&slow) }))
}

fn server_error(event: &Event) -> Option<String> {
    match event {
        Event::ServerError(error) => Some(error.to_string().to_lowercase()),
        _ => None,
    }
}

async fn permission(_nc: Client, _other: Client) -> Outcome {
    let (curious, mut events) = watched(100).await?;
    let _sub = curious.subscribe("$mq9.AI.MAILBOX.MSG.*").await?;
    curious.flush().await?;
    let error = told(&mut events, server_error).await?;
    let named = error.contains("permissions violation for subscription to \"$mq9.ai.mailbox.msg.*\"");
    Ok(json!({ "refused": named, "connected": connected(&curious) }))
}

async fn permission_publish(_nc: Client, _other: Client) -> Outcome {
    let (curious, mut events) = watched(100).await?;
    curious.publish("_GR_.reserved", "x".into()).await?;
    curious.flush().await?;
    let error = told(&mut events, server_error).await?;
    let named = error.contains("permissions violation for publish to \"_gr_.reserved\"");
    let operation = if named { "publish" } else { &error };
    Ok(json!({ "operation": operation, "subject": "_GR_.reserved", "connected": connected(&curious) }))
}

async fn mailbox(nc: Client, other: Client) -> Outcome {
    let created = nc.request("$mq9.AI.MAILBOX.CREATE", "{\"ttl\":60}".into()).await?;
    let created: Value = serde_json::from_slice(&created.payload)?;
    let id = created["mail_id"].as_str().ok_or("no mail_id")?;
    for word in ["first", "second"] {
        nc.publish(format!("$mq9.AI.MAILBOX.MSG.{id}"), word.into()).await?;
    }
    settle(&nc).await?;
    let mut later = other.subscribe(format!("$mq9.AI.MAILBOX.MSG.{id}.*")).await?;
    Ok(json!([text(&next(&mut later).await?), text(&next(&mut later).await?)]))
}

/// Waits until the broker went and came back. What it said before goes into the result.
async fn come_back(last_words: &str, wants_notice: bool) -> Result<(), Box<dyn Error>> {
    let (nc, mut events) = watched(100).await?;
    let mut sub = nc.subscribe("stock.rs.back").await?;
    settle(&nc).await?;
    while events.try_recv().is_ok() {}
    println!("ready");
    let mut notice = false;
    loop {
        match timeout(3 * PATIENCE, events.recv()).await?.ok_or("no more events")? {
            Event::LameDuckMode => notice = true,
            Event::Connected => break,
            _ => {}
        }
    }
    settle(&nc).await?;
    nc.publish("stock.rs.back", last_words.to_owned().into()).await?;
    let said = text(&next(&mut sub).await?);
    let noticed = if notice { "lame duck" } else { "no notice" };
    println!("{}", if wants_notice { json!([noticed, said]) } else { json!(said) });
    Ok(())
}

/// Comes in with given credentials and tells what it could do. Arguments: user, pass, token, seed, creds,
/// ca, cert, key and closed, each with its value, as far as wanted.
async fn come_in() -> Outcome {
    let given: HashMap<String, String> = env::args()
        .skip(3)
        .filter_map(|argument| argument.split_once('=').map(|(name, value)| (name.into(), value.into())))
        .collect();
    let value = |name: &str| given.get(name).cloned();
    let (told, mut events) = unbounded_channel();
    let mut options = ConnectOptions::new().event_callback(move |event| {
        let told = told.clone();
        async move {
            let _ = told.send(event);
        }
    });
    if let (Some(user), Some(pass)) = (value("user"), value("pass")) {
        options = options.user_and_password(user, pass);
    }
    if let Some(token) = value("token") {
        options = options.token(token);
    }
    if let Some(file) = value("seed") {
        options = options.nkey(fs::read_to_string(file)?.trim().to_owned());
    }
    if let Some(file) = value("creds") {
        options = options.credentials_file(file).await?;
    }
    if let Some(file) = value("ca") {
        options = options.add_root_certificates(file.into()).require_tls(!url().starts_with("ws"));
    }
    if let (Some(cert), Some(key)) = (value("cert"), value("key")) {
        options = options.add_client_certificate(cert.into(), key.into());
    }
    let nc = options.connect(url()).await?;
    let mut service = nc.subscribe("open.echo").await?;
    settle(&nc).await?;
    let answering = nc.clone();
    tokio::spawn(async move {
        while let Some(msg) = service.next().await {
            let headers = msg.headers.clone().unwrap_or_default();
            answering.publish_with_headers(msg.reply.unwrap(), headers, msg.payload).await.unwrap();
        }
    });
    let body = "0123456789".repeat(30_000);
    let mut headers = HeaderMap::new();
    headers.insert("trace", "abc");
    let answer = nc.request_with_headers("open.echo", headers, body.clone().into()).await?;
    let read = answer.headers.clone().ok_or("no headers")?;
    let header = read.get("trace").map(|value| value.to_string());
    let mut results = json!({ "echo": text(&answer) == body, "header": header });
    if let Some(closed) = value("closed") {
        let _sub = nc.subscribe(closed.clone()).await?;
        nc.flush().await?;
        let denied = loop {
            match timeout(PATIENCE, events.recv()).await?.ok_or("no more events")? {
                Event::ServerError(error) => break error.to_string().contains(&closed),
                _ => {}
            }
        };
        results["denied"] = json!(denied);
    }
    nc.drain().await?;
    Ok(results)
}

fn refused_or(error: &dyn Error) -> String {
    let mut said = format!("{error} {error:?}");
    said.truncate(400);
    if said.to_lowercase().contains("authorization") { "refused".to_owned() } else { said }
}

async fn record<F: Future<Output = Outcome>>(
    results: &mut Map<String, Value>,
    name: &str,
    scenario: fn(Client, Client) -> F,
) -> Result<(), Box<dyn Error>> {
    let outcome = timeout(2 * PATIENCE, scenario(connect().await?, connect().await?)).await;
    let result = match outcome {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => json!(error.to_string()),
        Err(_) => json!("timed out"),
    };
    results.insert(name.to_owned(), result);
    Ok(())
}

macro_rules! all {
    ($($scenario:ident),* $(,)?) => {{
        let mut results = Map::new();
        $( record(&mut results, stringify!($scenario), $scenario).await?; )*
        println!("{}", Value::Object(results));
    }};
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(2).as_deref() {
        Some("reconnect") => return come_back("still subscribed", false).await,
        Some("come_in") => {
            let result = timeout(2 * PATIENCE, come_in()).await?;
            println!("{}", result.unwrap_or_else(|error| json!(refused_or(error.as_ref()))));
            return Ok(());
        }
        Some("lame_duck") => return come_back("subscribed again", true).await,
        _ => {}
    }
    all!(
        publish_subscribe, request_reply, queue_group, headers, request_many, drain, no_responders,
        large_payload, max_payload, permission, wildcards, header_values, unicode_subject,
        auto_unsubscribe, drain_subscription, round_trip, slow_reader, permission_publish, mailbox,
    );
    Ok(())
}
