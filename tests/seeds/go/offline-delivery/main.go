// Cloud to offline edge device: commands wait, urgent ones leave first, QUERY is the safety net.
package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	nc := guide.Connect()
	edge := guide.Create(nc, `{"type":"standard","ttl":3600}`)
	edgeID, edgeToken := edge.MailID, edge.Token
	nc.Close()

	// Cloud: send commands — edge may be offline for hours
	nc = guide.Connect()
	nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", edgeID),
		[]byte(`{"command":"update_config","interval":30}`))
	nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.urgent", edgeID),
		[]byte(`{"command":"emergency_stop","reason":"temperature_critical"}`))
	guide.Check(nc.Flush())
	nc.Close()

	// Edge: on reconnect, subscribe (urgent first) then query fallback
	nc = guide.Connect()
	defer nc.Close()
	unread := func() any {
		queryResp, err := nc.Request(
			fmt.Sprintf("$mq9.AI.MAILBOX.QUERY.%s", edgeID),
			[]byte(fmt.Sprintf(`{"token":"%s"}`, edgeToken)), 2*time.Second)
		guide.Check(err)
		return guide.Decode(queryResp)["unread"]
	}
	before := unread()
	// The mail of both subscriptions in the order it arrives.
	commands := make(chan *nats.Msg, 8)
	nc.ChanSubscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.urgent", edgeID), commands)
	nc.ChanSubscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", edgeID), commands)
	var order [][]any
	for range 2 {
		msg := guide.Next(commands)
		tokens := strings.Split(msg.Subject, ".")
		order = append(order, []any{tokens[len(tokens)-1], guide.Decode(msg)["command"]})
	}
	guide.Print(map[string]any{"unread_before": before, "order": order, "unread_after": unread()})
}
