// The guide's error table: what a client sees when something is wrong.
package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"mq9.dev/tests/seeds/go/guide"
)

func main() {
	problems := []string{}
	nc := guide.Connect(nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		problems = append(problems, err.Error())
	}))
	defer nc.Close()
	ask := func(subject, body string) map[string]any {
		resp, err := nc.Request("$mq9.AI.MAILBOX."+subject, []byte(body), 2*time.Second)
		guide.Check(err)
		return guide.Decode(resp)
	}
	failed := func(reply map[string]any) bool {
		text, _ := reply["error"].(string)
		return text != ""
	}
	query := func(m guide.Mailbox, token string) map[string]any {
		return ask("QUERY."+m.MailID, fmt.Sprintf(`{"token":"%s"}`, token))
	}

	// MAILBOX.CREATE fails
	create := ask("CREATE", `{"type":"standard","ttl":"soon"}`)

	// MAILBOX.QUERY with wrong token
	mailbox := guide.Create(nc, `{"type":"standard","ttl":3600}`)
	wrong := query(mailbox, "tok-wrong")
	right := query(mailbox, mailbox.Token)

	// TTL expires before Agent reconnects: mailbox and all messages deleted
	short := guide.Create(nc, `{"type":"standard","ttl":1}`)
	nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", short.MailID), []byte(`{}`))
	gone := query(short, short.Token)
	for i := 0; i < 100 && !failed(gone); i++ {
		time.Sleep(100 * time.Millisecond)
		gone = query(short, short.Token)
	}

	// Send to expired mail_id: message dropped silently
	late, _ := nc.SubscribeSync(fmt.Sprintf("$mq9.AI.INBOX.%s.*", short.MailID))
	nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", short.MailID), []byte(`{}`))
	guide.Check(nc.Flush())
	dropped, _, err := late.Pending()
	guide.Check(err)

	// Message exceeds size limit
	oversize := "accepted"
	err = nc.Publish(fmt.Sprintf("$mq9.AI.INBOX.%s.normal", mailbox.MailID),
		make([]byte, nc.MaxPayload()+1))
	if errors.Is(err, nats.ErrMaxPayload) {
		oversize = "rejected"
	}

	guide.Print(map[string]any{
		"create":          failed(create),
		"wrong_token":     failed(wrong),
		"right_token":     right["unread"],
		"expired":         failed(gone),
		"sent_to_expired": dropped,
		"oversize":        oversize,
		"connected":       nc.IsConnected(),
		"problems":        problems,
	})
}
