package sandplanetest

import (
	"errors"
	"os"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func TestASandboxLivesAsLongAsItsTest(t *testing.T) {
	var sandbox *Sandbox
	t.Run("with a sandbox", func(t *testing.T) {
		sandbox = New(t)
		config, err := clientcmd.BuildConfigFromFlags("", sandbox.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != sandbox.Config.Host {
			t.Errorf("the file says %s, the Config %s", config.Host, sandbox.Config.Host)
		}
		namespace, err := kubernetes.NewForConfigOrDie(config).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{})
		if err != nil || namespace.Name != "default" {
			t.Errorf("namespace %v: %v", namespace, err)
		}
	})
	if sandbox == nil {
		t.Fatal("there was no sandbox")
	}
	if response, err := sandbox.client.GetSandboxWithResponse(t.Context(), sandbox.ID); err != nil {
		t.Error(err)
	} else if response.ApplicationproblemJSON404 == nil {
		t.Errorf("after its test it is still there: %s", response.Body)
	}
	if _, err := os.Stat(sandbox.Kubeconfig); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its kubeconfig is still there: %v", err)
	}
}

func TestWithoutAServiceItSaysWhatIsMissing(t *testing.T) {
	t.Setenv("SANDPLANE_KEY", "")
	if _, err := Start(t.Context()); err == nil || !strings.Contains(err.Error(), "SANDPLANE_KEY") {
		t.Errorf("without a key it says %v", err)
	}
}
