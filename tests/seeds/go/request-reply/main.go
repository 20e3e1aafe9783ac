// Request-reply: a child agent reports results to its parent, matched by correlation_id.
package main

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	parent, worker := guide.Connect(), guide.Connect()
	defer parent.Close()
	defer worker.Close()
	parentID, workerID := guide.Standard(parent), guide.Standard(worker)

	// Parent sends tasks
	for number := 1; number <= 3; number++ {
		parent.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", workerID), []byte(fmt.Sprintf(`{
			"from": "%s", "type": "work", "correlation_id": "job-00%d",
			"reply_to": "$mq9.AI.INBOX.%s.normal", "payload": {"data": [%d, %d]}
		}`, parentID, number, parentID, number, number)))
	}

	// The child answers the last job first
	var jobs []map[string]any
	worker.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", workerID), func(msg *nats.Msg) {
		jobs = append([]map[string]any{guide.Decode(msg)}, jobs...)
		if len(jobs) < 3 {
			return
		}
		for _, job := range jobs {
			data := job["payload"].(map[string]any)["data"].([]any)
			worker.Publish(job["reply_to"].(string), []byte(fmt.Sprintf(
				`{"from":"%s","correlation_id":"%s","payload":%v}`,
				workerID, job["correlation_id"], data[0].(float64)+data[1].(float64))))
		}
	})

	// Parent collects results — non-blocking
	collected := make(chan map[string]any, 4)
	parent.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", parentID), func(msg *nats.Msg) {
		collected <- guide.Decode(msg)
	})
	results := map[string]any{}
	var order []string
	for range 3 {
		d := guide.Next(collected)
		results[d["correlation_id"].(string)] = d["payload"]
		order = append(order, d["correlation_id"].(string))
	}
	guide.Print(map[string]any{"results": results, "order": order})
}
