// Package sandplane is the generated client and what every program needs beside it. The document may
// also be taken from a running service: give oapi-codegen http://127.0.0.1:7800/openapi.json instead of the file.
package sandplane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/util/uuid"
)

//go:generate go tool oapi-codegen -config oapi-codegen.yaml ../../../../openapi/openapi.json

// New is a client that sends the key with every request.
func New(url, key string) (*ClientWithResponses, error) {
	if url == "" || key == "" {
		return nil, errors.New("the address of a service and a key are needed: SANDPLANE_URL, SANDPLANE_KEY")
	}
	withKey := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", "Bearer "+key)
		return nil
	}
	return NewClientWithResponses(url, WithRequestEditorFn(withKey))
}

// Once names a create: sent again by the same name, as when its answer was lost, it makes no second sandbox.
func Once() *CreateSandboxParams {
	return &CreateSandboxParams{IdempotencyKey: new(string(uuid.NewUUID()))}
}

// WaitFor returns the sandbox once it is in the phase. The service holds the answer back until then, or tells at once
// that it will not come to that; the error then holds what the sandbox itself says of its failure.
func WaitFor(ctx context.Context, client *ClientWithResponses, id string, phase SandboxPhase) (*Sandbox, error) {
	const seconds int32 = 120
	response, err := client.WaitForSandboxWithResponse(ctx, id, &WaitForSandboxParams{For: new(phase), Timeout: new(seconds)})
	if err != nil {
		return nil, err
	}
	if response.JSON200 != nil {
		return response.JSON200, nil
	}
	return nil, fmt.Errorf("%w%s", Unexpected(response), failureOf(ctx, client, id))
}

// Answer is what all generated answers have in common.
type Answer interface {
	Status() string
	GetBody() []byte
}

// Unexpected is the error of an answer that the caller has no use for: its body is the problem with code and detail.
func Unexpected(answer Answer) error {
	return fmt.Errorf("answered %s: %s", answer.Status(), answer.GetBody())
}

// failureOf tells why a sandbox failed, with the last log lines of the component; "" if it has not.
func failureOf(ctx context.Context, client *ClientWithResponses, id string) string {
	response, err := client.GetSandboxWithResponse(ctx, id)
	if err != nil || response.JSON200 == nil || response.JSON200.Status.Failure == nil {
		return ""
	}
	failure := response.JSON200.Status.Failure
	return fmt.Sprintf("\nthe sandbox: %s: %s\n%s", failure.Code, failure.Message, strings.Join(failure.LogTail, "\n"))
}
