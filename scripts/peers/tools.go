//go:build tools

// Package peers names the Go programs that scripts/peers.sh builds; go.mod and go.sum pin them.
package peers

import (
	_ "github.com/nats-io/nats-server/v2"
	_ "github.com/nats-io/natscli/nats"
)
