// cd examples/go && go run ./broadcast
// One publish reaches every agent that listens; nobody keeps a list of them. Wildcards choose what to hear.
package main

import (
	"fmt"

	"mq9.dev/examples/mq9"
)

func main() {
	nc := mq9.Connect()
	defer nc.Close()
	pipeline := mq9.Subscribe(nc, "$mq9.AI.BROADCAST.pipeline.*")
	complete := mq9.Subscribe(nc, "$mq9.AI.BROADCAST.*.complete")
	everything := mq9.Subscribe(nc, "$mq9.AI.BROADCAST.>")

	mq9.Check(nc.Publish("$mq9.AI.BROADCAST.pipeline.complete",
		[]byte(`{"from":"preprocessor","stage":"preprocessing","ok":true}`)))
	fmt.Println("pipeline.*:", mq9.Next(pipeline)["stage"])
	fmt.Println("*.complete:", mq9.Next(complete)["stage"])
	fmt.Println(">:", mq9.Next(everything)["stage"])
}

// pipeline.*: preprocessing
// *.complete: preprocessing
// >: preprocessing
