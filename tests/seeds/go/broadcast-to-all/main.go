// Broadcast to all: publish once, every wildcard subscriber receives.
package main

import (
	"slices"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	nc := guide.Connect()
	defer nc.Close()
	heard := make(chan []string, 16)
	for _, pattern := range []string{"pipeline.complete", "pipeline.*", "*.complete"} {
		agent := guide.Connect()
		defer agent.Close()
		agent.Subscribe("$mq9.AI.BROADCAST."+pattern, func(msg *nats.Msg) {
			heard <- []string{pattern, msg.Subject, guide.Decode(msg)["stage"].(string)}
		})
		guide.Check(agent.Flush())
	}

	nc.Publish("$mq9.AI.BROADCAST.pipeline.failed", []byte(`{"stage":"other"}`))
	nc.Publish("$mq9.AI.BROADCAST.pipeline.complete",
		[]byte(`{"from":"master","stage":"preprocessing","ok":true}`))
	var received [][]string
	for range 4 {
		received = append(received, guide.Next(heard))
	}
	slices.SortFunc(received, slices.Compare)
	guide.Print(map[string]any{"received": received})
}
