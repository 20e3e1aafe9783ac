// Competing workers: a broadcast task goes to exactly one member of the queue group.
package main

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

const tasks = 9

func main() {
	nc := guide.Connect()
	defer nc.Close()
	masterID := guide.Standard(nc)

	// Workers subscribe with shared queue group
	var workers []*nats.Conn
	for number := range 3 {
		worker := guide.Connect()
		defer worker.Close()
		worker.QueueSubscribe("$mq9.AI.BROADCAST.task.available", "task-workers", func(msg *nats.Msg) {
			worker.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", masterID), []byte(fmt.Sprintf(
				`{"from":"worker-%d","task_id":"%s","result":"done"}`,
				number, guide.Decode(msg)["task_id"])))
		})
		guide.Check(worker.Flush())
		workers = append(workers, worker)
	}

	results := make(chan string, 2*tasks)
	nc.Subscribe(fmt.Sprintf("$mq9.AI.INBOX.%s.*", masterID), func(msg *nats.Msg) {
		results <- guide.Decode(msg)["task_id"].(string)
	})
	// Master broadcasts tasks
	for number := range tasks {
		nc.Publish("$mq9.AI.BROADCAST.task.available",
			[]byte(fmt.Sprintf(`{"from":"%s","task_id":"t-%03d","data":{}}`, masterID, number)))
	}

	distinct := map[string]bool{}
	total := 0
	for len(distinct) < tasks {
		distinct[guide.Next(results)] = true
		total++
	}
	for _, worker := range workers {
		guide.Check(worker.Flush())
	}
	// The barrier takes the same way as the results, so whatever was sent before it is counted.
	nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", masterID), []byte(`{"task_id":"end"}`))
	for guide.Next(results) != "end" {
		total++
	}
	guide.Print(map[string]int{"results": total, "distinct": len(distinct)})
}
