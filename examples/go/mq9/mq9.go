// Package mq9 is all that these examples need beside a stock NATS client: a connection, a JSON
// request on a subject of the broker, and a JSON message. Whatever fails ends the program.
package mq9

import (
	"encoding/json"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

// Body is a JSON object.
type Body map[string]any

// Check ends the program when something failed.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Connect opens a connection to NATS_URL, or to 127.0.0.1:4222.
func Connect() *nats.Conn {
	url := os.Getenv("NATS_URL")
	if url == "" {
		url = nats.DefaultURL
	}
	nc, err := nats.Connect(url)
	Check(err)
	return nc
}

// Ask sends a request on a subject. For a message the answer says that it is on disk.
func Ask(nc *nats.Conn, subject string, body any) Body {
	data, isBytes := body.([]byte)
	if !isBytes {
		encoded, err := json.Marshal(body)
		Check(err)
		data = encoded
	}
	reply, err := nc.Request(subject, data, 5*time.Second)
	Check(err)
	answer := Decode(reply)
	if text, _ := answer["error"].(string); text != "" {
		log.Fatal(text)
	}
	return answer
}

// CreateMailbox makes a mailbox that lives for an hour and returns its address.
func CreateMailbox(nc *nats.Conn) string {
	return Ask(nc, "$mq9.AI.MAILBOX.CREATE", Body{"type": "standard", "ttl": 3600})["mail_id"].(string)
}

// Subscribe collects what comes on a subject.
func Subscribe(nc *nats.Conn, subject string) *nats.Subscription {
	sub, err := nc.SubscribeSync(subject)
	Check(err)
	return sub
}

// Next waits for a subscription's next message.
func Next(sub *nats.Subscription) Body {
	msg, err := sub.NextMsg(10 * time.Second)
	Check(err)
	return Decode(msg)
}

// Decode reads a message's JSON.
func Decode(msg *nats.Msg) Body {
	var body Body
	Check(json.Unmarshal(msg.Data, &body))
	return body
}
