# What was let through and what was not, kept for as long as other logs.

resource "aws_cloudwatch_log_group" "flow" {
  #checkov:skip=CKV_AWS_338:kept as long as log_days says; flow logs are for incidents, not for audits
  #checkov:skip=CKV_AWS_158:encrypted by CloudWatch's own key; addresses and ports only
  name              = "${local.path}/flow"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "flow" {
  name = "${local.name}-flow"

  assume_role_policy = templatefile("${path.module}/policies/trust-flow.json", {
    account = var.account_id
    region  = var.region
  })
}

resource "aws_iam_role_policy" "flow" {
  name = "write-flow-log"
  role = aws_iam_role.flow.id
  policy = templatefile("${path.module}/policies/flow.json", {
    account   = var.account_id
    region    = var.region
    log_group = aws_cloudwatch_log_group.flow.name
  })
}

resource "aws_flow_log" "this" {
  vpc_id               = aws_vpc.this.id
  traffic_type         = "ALL"
  log_destination_type = "cloud-watch-logs"
  log_destination      = aws_cloudwatch_log_group.flow.arn
  iam_role_arn         = aws_iam_role.flow.arn

  tags = { Name = local.name }
}
