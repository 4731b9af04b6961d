# A role for one workflow of one repository: GitHub's token says who asks, and for what.

terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "name" {
  description = "Name of the role."
  type        = string
}

variable "description" {
  description = "What the workflow does with it."
  type        = string
}

variable "provider_arn" {
  description = "The OIDC provider of GitHub in this account."
  type        = string
}

variable "subject" {
  description = "The token's subject, such as repo:OWNER/NAME:environment:prod. A * may stand for the rest of a tag's name only."
  type        = string

  validation {
    condition     = can(regex("^repo:[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+:(environment:[a-z0-9-]+|ref:refs/heads/[A-Za-z0-9_./-]+|ref:refs/tags/v\\*)$", var.subject))
    error_message = "subject names one repository, and one environment, one branch or the tags v*."
  }
}

variable "policy" {
  description = "What the role may do, as JSON."
  type        = string
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = var.description
  max_session_duration = 3600

  assume_role_policy = templatefile("${path.module}/trust-github.json", {
    provider = var.provider_arn
    subject  = var.subject
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = var.policy
}

output "arn" {
  description = "The role."
  value       = aws_iam_role.this.arn
}

output "trust" {
  description = "Who may take the role, as JSON."
  value       = aws_iam_role.this.assume_role_policy
}
