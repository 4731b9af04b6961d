# The same file in every layer: versions, where the state lies, and every name that layers share (docs/infra/conventions.md).

terraform {
  required_version = "~> 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }

  # bucket, key and region come from -backend-config, see docs/infra/aws.md
  backend "s3" {}
}

provider "aws" {
  region = var.region
  # keys of another account end here, before anything is changed
  allowed_account_ids = [var.account_id]

  default_tags {
    tags = {
      Project     = var.project
      Environment = var.environment
      Layer       = local.layer
      ManagedBy   = "terraform"
    }
  }
}

variable "project" {
  description = "First part of every name."
  type        = string
  default     = "tabi"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,11}$", var.project))
    error_message = "project is 2 to 12 small letters and digits: it is part of names that AWS limits."
  }
}

variable "environment" {
  description = "Second part of every name: dev, prod."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]{1,7}$", var.environment))
    error_message = "environment is 2 to 8 small letters and digits."
  }
}

variable "account_id" {
  description = "The AWS account of this environment. Any other is refused."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "The AWS region of this environment."
  type        = string
}

locals {
  name  = "${var.project}-${var.environment}"
  path  = "/${var.project}/${var.environment}"
  layer = basename(abspath(path.root))

  bucket     = "${local.name}-models-${var.account_id}"
  repository = "${local.name}-api"
  cluster    = local.name
  service    = "${local.name}-api"
  log_group  = "${local.path}/api"

  role_execution = "${local.name}-execution"
  role_task      = "${local.name}-task"
}
