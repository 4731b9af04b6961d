variable "github_repository" {
  description = "The repository whose workflows may work here: OWNER/NAME."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.github_repository))
    error_message = "github_repository is OWNER/NAME, without a pattern."
  }
}

variable "create_provider" {
  description = "Whether this environment makes the account's OIDC provider of GitHub; an account has one."
  type        = bool
  default     = true
}
