// Package sandplanetest gives a test a Kubernetes API of its own, as envtest does, without binaries on this machine.
//
//	func TestController(t *testing.T) {
//		sandbox := sandplanetest.New(t)
//		env := &envtest.Environment{UseExistingCluster: new(true), Config: sandbox.Config}
//		...
//
// With Ginkgo, in BeforeSuite: sandplanetest.New(GinkgoTB()). In TestMain, where there is no t: Start and Delete.
// SANDPLANE_URL and SANDPLANE_KEY (scopes read and write) say which service makes it.
package sandplanetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"example.com/sandplane-go/sandplane"
)

// Sandbox is an etcd and a kube-apiserver, ready to use.
type Sandbox struct {
	ID string
	// Config is for client-go, controller-runtime and envtest.
	Config *rest.Config
	// Kubeconfig is the path of a file with the same, for kubectl and for KUBECONFIG.
	Kubeconfig string

	client *sandplane.ClientWithResponses
	folder string
}

// New makes a sandbox that is deleted when the test and all its subtests are done. It fails the test if it cannot.
func New(t testing.TB) *Sandbox {
	t.Helper()
	sandbox, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Not t.Context(): that one has ended here.
		if err := sandbox.Delete(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return sandbox
}

// Start makes a sandbox and waits until it is ready. Whoever calls it deletes it; what a killed test leaves expires
// after an hour.
func Start(ctx context.Context) (_ *Sandbox, err error) {
	client, err := sandplane.New(os.Getenv("SANDPLANE_URL"), os.Getenv("SANDPLANE_KEY"))
	if err != nil {
		return nil, err
	}
	id, err := create(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("the sandbox could not be created: %w", err)
	}
	sandbox := &Sandbox{ID: id, client: client}
	defer func() {
		if err != nil {
			err = errors.Join(err, sandbox.Delete(context.WithoutCancel(ctx)))
		}
	}()
	if _, err := sandplane.WaitFor(ctx, client, id, sandplane.SandboxPhaseReady); err != nil {
		return nil, fmt.Errorf("the sandbox %s did not become ready: %w", id, err)
	}
	if err := sandbox.takeKubeconfig(ctx); err != nil {
		return nil, fmt.Errorf("the kubeconfig of %s could not be had: %w", id, err)
	}
	return sandbox, nil
}

// Delete removes the sandbox and waits until nothing of it is left.
func (sandbox *Sandbox) Delete(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if sandbox.folder != "" {
		defer os.RemoveAll(sandbox.folder)
	}
	response, err := sandbox.client.DeleteSandboxWithResponse(ctx, sandbox.ID, nil)
	if err == nil && response.JSON202 == nil {
		err = sandplane.Unexpected(response)
	}
	if err == nil {
		_, err = sandplane.WaitFor(ctx, sandbox.client, sandbox.ID, sandplane.SandboxPhaseDeleted)
	}
	if err != nil {
		return fmt.Errorf("the sandbox %s was not deleted: %w", sandbox.ID, err)
	}
	return nil
}

func create(ctx context.Context, client *sandplane.ClientWithResponses) (string, error) {
	response, err := client.CreateSandboxWithResponse(ctx, sandplane.Once(), sandplane.SandboxCreate{
		Labels: &map[string]string{"purpose": "go-test"},
		Spec:   &sandplane.SandboxSpecInput{TtlSeconds: new(int32(3600))},
	})
	if err != nil {
		return "", err
	}
	if response.JSON202 == nil {
		return "", sandplane.Unexpected(response)
	}
	return response.JSON202.Id, nil
}

func (sandbox *Sandbox) takeKubeconfig(ctx context.Context) error {
	response, err := sandbox.client.GetKubeconfigWithResponse(ctx, sandbox.ID)
	if err != nil {
		return err
	}
	if response.StatusCode() != 200 {
		return sandplane.Unexpected(response)
	}
	if sandbox.Config, err = clientcmd.RESTConfigFromKubeConfig(response.Body); err != nil {
		return err
	}
	if sandbox.folder, err = os.MkdirTemp("", "sandplane-"); err != nil {
		return err
	}
	sandbox.Kubeconfig = filepath.Join(sandbox.folder, "kubeconfig")
	return os.WriteFile(sandbox.Kubeconfig, response.Body, 0o600)
}
