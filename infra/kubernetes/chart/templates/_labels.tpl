{{- define "tabi.selector" -}}
app.kubernetes.io/name: tabi
app.kubernetes.io/component: server
{{- end -}}
{{- define "tabi.metadata" -}}
name: tabi
namespace: {{ .Release.Namespace }}
labels:
  {{- include "tabi.selector" . | nindent 2 }}
{{- end -}}
