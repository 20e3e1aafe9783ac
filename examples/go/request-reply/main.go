// cd examples/go && go run ./request-reply
// A parent asks three things at once and matches the answers by correlation_id, in whatever order they
// come. Both may be away in between: questions and answers wait in mailboxes.
package main

import (
	"fmt"

	"mq9.dev/examples/mq9"
)

func ask(parentID, childID string) {
	nc := mq9.Connect()
	defer nc.Close()
	for number := 1; number <= 3; number++ {
		mq9.Ask(nc, fmt.Sprintf("$mq9.AI.INBOX.%s.normal", childID), mq9.Body{
			"from":           parentID,
			"correlation_id": fmt.Sprintf("job-%d", number),
			"reply_to":       fmt.Sprintf("$mq9.AI.INBOX.%s.normal", parentID),
			"payload":        number,
		})
	}
	fmt.Println("parent: asked three things, and left")
}

func work(childID string) {
	nc := mq9.Connect()
	defer nc.Close()
	inbox := mq9.Subscribe(nc, fmt.Sprintf("$mq9.AI.INBOX.%s.*", childID))
	jobs := []mq9.Body{mq9.Next(inbox), mq9.Next(inbox), mq9.Next(inbox)}
	for index := range jobs {
		job := jobs[len(jobs)-1-index]
		mq9.Ask(nc, job["reply_to"].(string), mq9.Body{
			"from":           childID,
			"correlation_id": job["correlation_id"],
			"payload":        job["payload"].(float64) * 2,
		})
	}
	fmt.Println("child: answered the last one first, and left")
}

func main() {
	nc := mq9.Connect()
	defer nc.Close()
	parentID, childID := mq9.CreateMailbox(nc), mq9.CreateMailbox(nc)
	ask(parentID, childID)
	work(childID)
	answers := mq9.Subscribe(nc, fmt.Sprintf("$mq9.AI.INBOX.%s.*", parentID))
	for range 3 {
		answer := mq9.Next(answers)
		fmt.Printf("parent: %s = %v\n", answer["correlation_id"], answer["payload"])
	}
}

// parent: asked three things, and left
// child: answered the last one first, and left
// parent: job-3 = 6
// parent: job-2 = 4
// parent: job-1 = 2
