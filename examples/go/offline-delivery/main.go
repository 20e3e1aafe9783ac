// cd examples/go && go run ./offline-delivery
// Commands for an edge device that is away. They wait on the broker's disk; when the device is back it
// gets the urgent ones first, whatever was sent first.
package main

import (
	"fmt"

	"mq9.dev/examples/mq9"
)

func main() {
	edge := mq9.Connect()
	mailbox := mq9.Ask(edge, "$mq9.AI.MAILBOX.CREATE", mq9.Body{"type": "standard", "ttl": 86400})
	edgeID := mailbox["mail_id"].(string)
	edge.Close()
	fmt.Println("edge: offline")

	cloud := mq9.Connect()
	send := func(priority string, command mq9.Body) {
		mq9.Ask(cloud, fmt.Sprintf("$mq9.AI.INBOX.%s.%s", edgeID, priority), command)
		fmt.Printf("cloud: sent %s (%s)\n", command["command"], priority)
	}
	send("normal", mq9.Body{"command": "update_config", "interval": 30})
	send("notify", mq9.Body{"command": "rotate_logs"})
	send("urgent", mq9.Body{"command": "emergency_stop", "reason": "temperature_critical"})
	cloud.Close()

	edge = mq9.Connect()
	defer edge.Close()
	unread := mq9.Ask(edge, "$mq9.AI.MAILBOX.QUERY."+edgeID, mq9.Body{"token": mailbox["token"]})
	fmt.Printf("edge: back, %v commands wait\n", unread["unread"])
	commands := mq9.Subscribe(edge, fmt.Sprintf("$mq9.AI.INBOX.%s.*", edgeID))
	for range 3 {
		fmt.Printf("edge: %s\n", mq9.Next(commands)["command"])
	}
}

// edge: offline
// cloud: sent update_config (normal)
// cloud: sent rotate_logs (notify)
// cloud: sent emergency_stop (urgent)
// edge: back, 3 commands wait
// edge: emergency_stop
// edge: update_config
// edge: rotate_logs
