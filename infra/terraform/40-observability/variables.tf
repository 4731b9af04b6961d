# The objectives are those of slo.yaml: `make slo` writes them to slo.auto.tfvars.json, which Terraform reads by itself.
variable "slo" {
  description = "What alarms compare with: share of answers that are server errors, and p95 of the time to an answer."
  type        = object({ error_percent = number, p95_seconds = number })

  validation {
    condition     = var.slo.error_percent > 0 && var.slo.error_percent < 100 && var.slo.p95_seconds > 0
    error_message = "slo needs an error_percent between 0 and 100 and a positive p95_seconds."
  }
}

variable "alarm" {
  description = "When a breach becomes an alarm: minutes out of minutes, and the requests a minute below which a share says nothing."
  type        = object({ minutes = number, of_minutes = number, minimum_requests = number })
  default     = { minutes = 3, of_minutes = 5, minimum_requests = 20 }

  validation {
    condition     = var.alarm.minutes >= 1 && var.alarm.minutes <= var.alarm.of_minutes
    error_message = "alarm.minutes is at least 1 and at most alarm.of_minutes."
  }
}

variable "alarm_emails" {
  description = "Addresses that are told. Each has to confirm once."
  type        = set(string)
  default     = []
}

variable "log_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
}
