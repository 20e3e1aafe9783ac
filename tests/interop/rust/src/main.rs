// Every call of the published Rust client of generation 1, with what came back as one line of JSON.
use std::time::Duration;

use robustmq::mq9::{MQ9Client, MQ9Error, Message, Priority, Subscription};
use serde_json::{json, Value};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};
use tokio::time::timeout;

type Failure = Box<dyn std::error::Error>;

/// A subscription whose mail can be awaited; it ends when the handle is dropped.
struct Mail {
    messages: UnboundedReceiver<Message>,
    _subscription: Subscription,
}

impl Mail {
    async fn read(
        client: &MQ9Client,
        mail_id: &str,
        priority: Option<Priority>,
        queue_group: &str,
    ) -> Result<Mail, Failure> {
        let (sender, messages) = unbounded_channel();
        let callback = move |message| {
            let sent = sender.send(message);
            async move { drop(sent) }
        };
        let _subscription = client
            .subscribe(mail_id, callback, priority, queue_group)
            .await?;
        Ok(Mail {
            messages,
            _subscription,
        })
    }

    async fn take(&mut self, count: usize) -> Result<Vec<Message>, Failure> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let message = timeout(Duration::from_secs(10), self.messages.recv()).await?;
            taken.push(message.ok_or("the subscription ended")?);
        }
        Ok(taken)
    }
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.payload).into_owned()
}

async fn listed(client: &MQ9Client, mail_id: &str) -> Result<Vec<(String, String)>, Failure> {
    let rows = client.list(mail_id).await?;
    Ok(rows
        .iter()
        .map(|row| (row.msg_id.clone(), row.priority.to_string()))
        .collect())
}

fn refusal<T>(result: Result<T, MQ9Error>) -> Value {
    match result {
        Ok(_) => Value::Null,
        Err(error) => json!([error.message, error.code]),
    }
}

/// Requests are answered in turn, so what was sent before this is stored when it returns.
async fn settle(client: &MQ9Client, mail_id: &str, count: usize) -> Result<(), Failure> {
    for _ in 0..200 {
        if client.list(mail_id).await?.len() >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err("what was sent is not there".into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = std::env::args().nth(1).ok_or("usage: sdk-rust URL")?;
    let client = MQ9Client::connect(&server).await?;
    let other = MQ9Client::connect(&server).await?;
    let binary: Vec<u8> = (0..=255).collect();

    let private = client.create(3600, false, "", "").await?.mail_id;
    let name = format!("sdk-rust-{}", &private[private.len() - 12..]);
    let mut public = Vec::new();
    for _ in 0..2 {
        public.push(client.create(60, true, &name, "d").await?.mail_id == name);
    }

    other.send(&private, b"low text", Priority::Low).await?;
    other
        .send(&private, b"normal text", Priority::Normal)
        .await?;
    other.send(&private, &binary, Priority::High).await?;
    other.send(&private, b"", Priority::Normal).await?;
    settle(&client, &private, 4).await?;
    let mut mail = Mail::read(&client, &private, None, "").await?;
    let backlog = mail.take(4).await?;
    other.send(&private, b"live", Priority::Normal).await?;
    let live = mail.take(1).await?;
    let mut high = Mail::read(&client, &private, Some(Priority::High), "").await?;
    let only_high = high.take(1).await?;

    let before = listed(&client, &private).await?;
    client.delete(&private, &before[0].0).await?;
    let after = listed(&client, &private).await?;

    // The members must be known to the broker before the jobs come.
    let mut members = Vec::new();
    for _ in 0..3 {
        members.push(Mail::read(&client, &name, None, "workers").await?);
    }
    client.list(&name).await?;
    for number in 0..12 {
        other
            .send(&name, number.to_string().as_bytes(), Priority::Normal)
            .await?;
    }
    settle(&client, &name, 12).await?;
    let mut jobs = Vec::new();
    for member in &mut members {
        while let Ok(Some(job)) = timeout(Duration::from_millis(500), member.messages.recv()).await
        {
            jobs.push(text(&job).parse::<u32>()?);
        }
    }
    jobs.sort_unstable();

    let result = json!({
        "public": public,
        "order": backlog.iter().map(|m| m.priority.to_string()).collect::<Vec<_>>(),
        "binary": backlog[0].payload == binary,
        "bodies": backlog[1..].iter().chain(&live).map(text).collect::<Vec<_>>(),
        "only_high": only_high[0].payload == binary,
        "listed": before,
        "left": after,
        "group": jobs,
        "errors": {
            "list": refusal(client.list("m-nobody").await),
            "delete": refusal(client.delete(&name, "999999").await),
        },
    });
    println!("{result}");
    client.close().await?;
    Ok(())
}
