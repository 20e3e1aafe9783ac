// Package guide holds what every program here needs: a connection to the broker named by the first
// argument, CREATE as the guide prints it, and the result line the test reads.
package guide

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

// Patience is how long anything may take.
const Patience = 10 * time.Second

// Mailbox is what the guide reads from a CREATE reply.
type Mailbox struct {
	MailID string `json:"mail_id"`
	Token  string `json:"token"`
}

// Check ends the program when something went wrong.
func Check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Connect opens a connection to the broker under test.
func Connect(options ...nats.Option) *nats.Conn {
	nc, err := nats.Connect(os.Args[1], options...)
	Check(err)
	return nc
}

// Create makes a mailbox from a request body.
func Create(nc *nats.Conn, body string) Mailbox {
	resp, err := nc.Request("$mq9.AI.MAILBOX.CREATE", []byte(body), 2*time.Second)
	Check(err)
	var m Mailbox
	Check(json.Unmarshal(resp.Data, &m))
	return m
}

// Standard makes a mailbox of the usual kind and returns its id.
func Standard(nc *nats.Conn) string {
	return Create(nc, `{"type":"standard","ttl":3600}`).MailID
}

// Decode reads a message's JSON body.
func Decode(msg *nats.Msg) map[string]any {
	var body map[string]any
	Check(json.Unmarshal(msg.Data, &body))
	return body
}

// Next takes one value or ends the program.
func Next[T any](values <-chan T) T {
	select {
	case value := <-values:
		return value
	case <-time.After(Patience):
		log.Fatal("nothing came")
		panic("unreachable")
	}
}

// Print writes the result line.
func Print(result any) {
	line, err := json.Marshal(result)
	Check(err)
	fmt.Println(string(line))
}
