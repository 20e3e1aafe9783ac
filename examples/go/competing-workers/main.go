// cd examples/go && go run ./competing-workers
// Workers share a queue group of one mailbox: each task goes to one of them. The first dies in the middle
// of its third task; what it had not acknowledged goes to the second, and nothing is done twice.
package main

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"mq9.dev/examples/mq9"
)

func main() {
	master := mq9.Connect()
	defer master.Close()
	tasks := mq9.CreateMailbox(master)
	for number := 1; number <= 6; number++ {
		mq9.Ask(master, "$mq9.AI.MSG.SEND."+tasks, []byte(fmt.Sprintf("task %d", number)))
	}

	done, dying := make(chan string, 6), make(chan bool, 1)
	first, second := mq9.Connect(), mq9.Connect()
	defer second.Close()
	dead := false
	first.QueueSubscribe("$mq9.AI.MSG.PUSH."+tasks, "workers", func(msg *nats.Msg) {
		if string(msg.Data) == "task 3" {
			dead = true
			dying <- true
		}
		if !dead {
			msg.Respond([]byte("+ACK"))
			done <- fmt.Sprintf("%s: worker 1", msg.Data)
		}
	})
	<-dying
	second.QueueSubscribe("$mq9.AI.MSG.PUSH."+tasks, "workers", func(msg *nats.Msg) {
		msg.Respond([]byte("+ACK"))
		done <- fmt.Sprintf("%s: worker 2, attempt %s", msg.Data, msg.Header.Get("mq9-delivery-count"))
	})
	first.Close() // as good as a crash: its leases end with its connection

	for range 6 {
		fmt.Println(<-done)
	}
}

// task 1: worker 1
// task 2: worker 1
// task 3: worker 2, attempt 2
// task 4: worker 2, attempt 2
// task 5: worker 2, attempt 2
// task 6: worker 2, attempt 2
